/** Verifies regions of the library's files and of the package alike: it loads neither. */
import * as assert from 'uvu/assert'
import type { Region } from '../../lib/index.js'

/** Throws unless all is sound and every byte accounted for. */
export async function verifyWhole(region: Pick<Region, 'verify'>): Promise<void> {
  const report = await region.verify()
  assert.equal(report.problems, [])
  assert.equal([report.bytes.leaked, report.bytes.unknown], [0, 0], 'leaked and unknown bytes')
}
