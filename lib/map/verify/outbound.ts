/** The list of packed regions that a region names. */
import { C } from '../../../formats/index.js'
import type { Work } from './work.js'
import { refOfPage } from '../../space/ref.js'

export function verifyOutbound({ ground, cells, findings }: Work): void {
  findings.guard('outbound references', refOfPage(C.ALLOCATION_PAGE), () => {
    const list = ground.outbound
    for (const { ref, regionId, count } of list.cells()) {
      if (!cells.take(ref, 'outbound references')) return
      if (count === 0 && regionId !== 0)
        findings.add('OUTBOUND', ref, '', 'a reference to a packed region that no field has.')
    }
    if (!list.isSound())
      findings.add('OUTBOUND', 0, '', 'the links of the list of packed regions are wrong.')
  })
}
