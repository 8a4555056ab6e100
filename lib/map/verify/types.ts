/** The types that a region has: their tree, and the second copies of their descriptors. */
import { C } from '../../../formats/index.js'
import { CopiedDescriptors } from '../../types/descriptor-copies.js'
import type { Work } from './work.js'
import { refOfPage } from '../../space/ref.js'

/** Type ids are 16 bits of a cell header. */
const TYPE_ID_LIMIT = 0x1_0000

export function verifyTypes(work: Work): void {
  const { session, ground, cells, trees, findings } = work
  const { types } = ground
  if (types === undefined) return
  findings.guard('types', types, () => {
    const { registry } = session
    trees.take(
      trees.open('u32', types),
      'types',
      true,
      (window, at) => void cells.take(window.u32[at]!, 'types'),
    )
    const end = Math.min(registry.nextTypeId, TYPE_ID_LIMIT)
    if (end < registry.nextTypeId) {
      const what = `types: the next type id is ${registry.nextTypeId}, which no cell can hold.`
      findings.add('TYPES', refOfPage(C.ALLOCATION_PAGE), 'types', what)
    }
    const copied = copiesOf(work)
    for (let id: number = C.FIRST_STORED_TYPE; id < end; id++) {
      findings.guard(`type ${id}`, 0, () => {
        registry.typeOf(id)
        if (copied === undefined || copied.textOf(id) === registry.textOf(id)) return
        const what = `type ${id}: the second copy of its descriptor is missing, or differs.`
        findings.add('TYPES', ground.copies!.head, `type ${id}`, what)
      })
    }
  })
}

/** Second copies of descriptors; undefined in a region without: one made before there were. */
function copiesOf({ session, ground, cells, findings }: Work): CopiedDescriptors | undefined {
  const { copies } = ground
  if (copies === undefined || copies.head === 0) return undefined
  const copied = new CopiedDescriptors()
  const path = 'types (second copies)'
  for (const page of copies.pages()) {
    if (!cells.take(page, path)) break
    if (!CopiedDescriptors.isPage(session.space, page)) {
      findings.add('CELL_TYPE', page, path, `${path}: a cell of another kind.`)
      break
    }
    copied.addPage(session.space, page)
  }
  return copied
}
