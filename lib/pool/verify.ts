/** What can be said of a block region without following refs: that its cells lie without gaps. */
import type { Problem, VerifyReport } from '../map/verify.js'
import type { BlockSpace } from './block-space.js'

export function verifyBlocks(space: BlockSpace): VerifyReport {
  const problems: Problem[] = []
  const usage = space.usage()
  let [live, free] = [0, 0]
  for (const cell of space.cells()) {
    if (cell.free) free += cell.units
    else live += cell.units
    if (cell.typeId !== 0) continue
    const { ref } = cell
    problems.push({ code: 'CELL_TYPE', ref, message: `The cell at ref ${ref} has no type.` })
  }
  // What was freed in a savepoint is in no list yet.
  if (space.depth === 0 && free !== usage.free) {
    const message = `${free} free units found, ${usage.free} counted.`
    problems.push({ code: 'FREE_LISTS', message })
  }
  const unknown = Math.max(0, usage.live + usage.free - live - free)
  return {
    ok: problems.length === 0, problems,
    bytes: { live: live * 8, free: free * 8, leaked: 0, unknown: unknown * 8 },
  }
}
