/** Verification of a store: every region by itself, then the counts against the lists. */
import { RStoreError } from '../errors.js'
import type { VerifyReport } from '../map/verify.js'
import type { PendingLowering, StoreEntry } from './store-catalog.js'

/** How regions are reached. */
export interface StoreAccess {
  verifyCatalog(): Promise<VerifyReport>
  verify(entry: StoreEntry): Promise<VerifyReport>
  /** Ids of the packed regions that a region names; undefined where that cannot be read. */
  namesIn(entry: StoreEntry): number[] | undefined
}

/**
 * A count may be higher than the lists say by what is queued, or by what a region that cannot be
 * read may name; never lower.
 */
export async function verifyStore(
  regions: readonly StoreEntry[],
  queued: readonly PendingLowering[],
  access: StoreAccess,
): Promise<VerifyReport> {
  const report: VerifyReport = {
    ok: true,
    problems: [],
    bytes: { live: 0, free: 0, leaked: 0, unknown: 0 },
  }
  const counts = new Map<number, number>()
  const namedBy = new Map<number, string[]>()
  const count = (id: number): void => void counts.set(id, (counts.get(id) ?? 0) + 1)
  let exact = true
  add(report, await verified(() => access.verifyCatalog()), 'catalog')
  for (const entry of regions) {
    add(report, await verified(() => access.verify(entry)), labelOf(entry))
    const names = access.namesIn(entry)
    if (names === undefined) exact = false
    for (const id of names ?? []) {
      count(id)
      namedBy.set(id, [...(namedBy.get(id) ?? []), labelOf(entry)])
    }
    if (entry.name !== null) count(entry.id)
  }
  for (const { id } of queued) count(id)
  for (const { id, references } of regions) {
    const counted = counts.get(id) ?? 0
    if (exact || references < counted) checkCount(report, id, references, counted)
  }
  for (const id of counts.keys()) {
    if (regions.some((entry) => entry.id === id)) continue
    report.problems.push({
      code: 'STORE_MISSING',
      message:
        `packed region ${id} is not in the store, ` +
        `but named by ${namedBy.get(id)?.join(', ') ?? 'what waits to be taken back'}.`,
    })
  }
  report.ok = report.problems.length === 0
  return report
}

const labelOf = ({ id, name }: StoreEntry): string =>
  name === null ? `region ${id}` : `region ${id} (${name})`

/** One that is missing, or cannot be opened, is a problem like any other. */
async function verified(verify: () => Promise<VerifyReport>): Promise<VerifyReport> {
  try {
    return await verify()
  } catch (error) {
    if (!(error instanceof RStoreError)) throw error
    const { code, message } = error
    return {
      ok: false,
      problems: [{ code, message }],
      bytes: { live: 0, free: 0, leaked: 0, unknown: 0 },
    }
  }
}

function add(report: VerifyReport, part: VerifyReport, label: string): void {
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
