/**
 * Verification of a store, while others use it: every region by itself, then the counts against the
 * lists.
 *
 *  X1. What is gone from the catalog when it cannot be read was deleted meanwhile.
 *  X2. The counts are compared while nobody changes them: in a transaction of the catalog, or,
 *      where nothing may be written, between two looks that find the same commit. A list may change
 *      meanwhile, but names nothing that was not counted before, and what it lets go of is lowered
 *      later: a count that is lower than lists and queue say is wrong, whatever others do.
 *  X3. One that is higher is wrong only where nobody else can be between counting and committing.
 */
import { RStoreError } from '../errors.js'
import type { VerifyOptions, VerifyReport } from '../map/verify/report.js'
import type { StoreParts } from './parts.js'
import type { StoreEntry } from './store-catalog.js'

/** How often a catalog that others change is looked at. */
const TRIES = 20

/** How regions are reached. */
export interface StoreAccess {
  verifyCatalog(): Promise<VerifyReport>
  verify(entry: StoreEntry, options: VerifyOptions): Promise<VerifyReport>
  /** Length of its file. */
  bytesOf(entry: StoreEntry): number
  /** Ids of the packed regions that a region names; undefined where that cannot be read. */
  namesIn(entry: StoreEntry): number[] | undefined
}

export async function verifyStore(
  parts: StoreParts, access: StoreAccess, { onProgress }: VerifyOptions = {},
): Promise<VerifyReport> {
  const { catalog } = parts
  const report: VerifyReport = {
    ok: true,
    problems: [],
    bytes: { live: 0, free: 0, leaked: 0, unknown: 0 },
  }
  add(report, await verified(() => access.verifyCatalog()), 'catalog')
  const entries = catalog.list()
  const total = entries.reduce((sum, entry) => sum + access.bytesOf(entry), 0)
  let done = 0
  for (const entry of entries) {
    const bytes = access.bytesOf(entry)
    const tell = (ofOne: number, all: number): void =>
      onProgress?.(Math.min(total, done + Math.floor(bytes * ofOne / Math.max(all, 1))), total)
    const part = await verified(() => access.verify(entry, { onProgress: tell }))
    if (part.ok || catalog.find(entry.id) !== undefined) add(report, part, labelOf(entry))  // X1
    done += bytes
  }
  report.problems.push(...whileUnchanged(parts, () => wrongCounts(parts, access)) ?? [])
  report.ok = report.problems.length === 0
  return report
}

/** X2. Undefined when others changed it each time. */
function whileUnchanged<R>({ catalog, collector, readOnly }: StoreParts, fn: () => R) {
  if (!readOnly) {
    collector.flush()
    return catalog.transact(fn)
  }
  for (let tries = 0; tries < TRIES; tries++) {
    const { epoch } = catalog
    const result = fn()
    if (catalog.epoch === epoch) return result
  }
  return undefined
}

/**
 * A count may be higher than the lists say by what is queued, or by what a region that cannot be
 * read may name; never lower.
 */
function wrongCounts({ catalog, readOnly }: StoreParts, access: StoreAccess): Problem[] {
  const regions = catalog.list()
  const counts = new Map<number, number>()
  const namedBy = new Map<number, string[]>()
  const count = (id: number): void => void counts.set(id, (counts.get(id) ?? 0) + 1)
  let exact = catalog.openers <= (readOnly ? 0 : 1)  // X3
  for (const entry of regions) {
    const names = access.namesIn(entry)
    if (names === undefined) exact = false
    for (const id of names ?? []) {
      count(id)
      namedBy.set(id, [...(namedBy.get(id) ?? []), labelOf(entry)])
    }
    if (entry.name !== null) count(entry.id)
  }
  for (const { id } of catalog.queued()) count(id)
  const problems: Problem[] = []
  for (const { id, references } of regions) {
    const counted = counts.get(id) ?? 0
    if (references < counted || exact && references > counted) {
      problems.push({
        code: 'STORE_COUNT',
        message: `region ${id} has a count of ${references}, but ${counted} references were found.`,
      })
    }
    counts.delete(id)
  }
  for (const id of counts.keys()) {
    problems.push({
      code: 'STORE_MISSING',
      message:
        `packed region ${id} is not in the store, ` +
        `but named by ${namedBy.get(id)?.join(', ') ?? 'what waits to be taken back'}.`,
    })
  }
  return problems
}

type Problem = VerifyReport['problems'][number]

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
