/** Verification of a store: every region by itself, then the counts against the lists. */
import type { VerifyReport } from '../map/verify.js'
import type { PendingLowering, StoreEntry } from './store-catalog.js'

/** How regions are reached. */
export interface StoreAccess {
  verify(entry: StoreEntry): Promise<VerifyReport>
  /** Ids of the packed regions that a region names. */
  namesIn(entry: StoreEntry): number[]
}

/** A count may be higher than the lists say by what is queued; never lower. */
export async function verifyStore(
  entries: readonly StoreEntry[], queued: readonly PendingLowering[], access: StoreAccess,
): Promise<VerifyReport> {
  const report: VerifyReport = {
    ok: true, problems: [], bytes: { live: 0, free: 0, leaked: 0, unknown: 0 },
  }
  const counts = new Map<number, number>()
  const count = (id: number): void => void counts.set(id, (counts.get(id) ?? 0) + 1)
  const regions = entries.filter(({ kind }) => kind !== 'packing')
  for (const entry of regions) {
    add(report, await access.verify(entry), entry)
    for (const id of access.namesIn(entry)) count(id)
    if (entry.name !== null) count(entry.id)
  }
  for (const { id } of queued) count(id)
  for (const { id, references } of regions) checkCount(report, id, references, counts.get(id) ?? 0)
  for (const id of counts.keys()) {
    if (regions.some((entry) => entry.id === id)) continue
    report.problems.push({
      code: 'STORE_MISSING', message: `packed region ${id} is named, but not in the store.`,
    })
  }
  report.ok = report.problems.length === 0
  return report
}

function add(report: VerifyReport, part: VerifyReport, { id, name }: StoreEntry): void {
  const label = name === null ? `region ${id}` : `region ${id} (${name})`
  for (const problem of part.problems) {
    report.problems.push({ ...problem, message: `${label}: ${problem.message}` })
  }
  for (const kind of ['live', 'free', 'leaked', 'unknown'] as const) {
    report.bytes[kind] += part.bytes[kind]
  }
}

function checkCount(report: VerifyReport, id: number, stored: number, counted: number): void {
  if (stored === counted) return
  report.problems.push({
    code: 'STORE_COUNT',
    message: `region ${id} has a count of ${stored}, but ${counted} references were found.`,
  })
}
