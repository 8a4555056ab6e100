/**
 * What a peer's driver offers. The loops are the driver's, so that each is written in its idiom.
 */
import type { KeyKind, Picks } from './record.js'
import type { Mix } from './mix.js'

export type Durability = 'sync' | 'none'

export interface OpenOptions {
  keys: KeyKind
  durability: Durability
  /** How many records there are, or will be: a hint for sizing. */
  records: number
  create: boolean
}

type Sum = number | Promise<number>
type Done = void | Promise<void>

/**
 * An open store of users under one kind of key. What a peer cannot do, it leaves out. What reads
 * returns a sum that the harness compares with the right one: of `visits`, or of every field
 * (`weigh`).
 */
export interface Table {
  /** One `get` a key; every field looked at. */
  readWhole?(picks: Picks): Sum
  /** One `get` a key; `visits` only. */
  readField?(picks: Picks): Sum
  /** All keys in one call; `visits` of each. */
  readMany?(picks: Picks): Sum
  /** `visits` of all keys, in one call, as a column. */
  readColumn?(picks: Picks): Sum
  scanField?(): Sum
  /** `visits` of all records, as a column. */
  scanColumn?(): Sum
  scanWhole?(): Sum
  /** `visits` of up to `length` entries from each key on. */
  ranges?(starts: Picks, length: number): Sum

  /** Puts records one by one, in transactions of at most `LOAD_TRANSACTION`. */
  insert?(picks: Picks): Done
  /** The fastest way to load the records 0 to `records` - 1, which come in ascending order. */
  bulkLoad?(records: number): Done
  overwrite?(picks: Picks, revision: number): Done
  delete?(picks: Picks): Done
  /** One record a transaction. */
  single?(picks: Picks, revision: number): Done
  /** `visits` of one record a transaction; the rest of the record stays. */
  singleField?(picks: Picks, revision: number): Done
  /** `size` records a transaction. */
  grouped?(picks: Picks, revision: number, size: number): Done
  /** Promised writes, `burst` at a time before they are awaited. */
  writes?(picks: Picks, revision: number, burst: number): Done
  /** A YCSB mix; every operation its own transaction. */
  mix?(mix: Mix): Sum

  close(): Done
}

export type TableMethod = Exclude<keyof Table, 'close'>

export interface Driver {
  readonly name: string
  /** A store that is changed in place, a file that is written whole, or memory alone. */
  readonly kind: 'store' | 'file' | 'memory'
  /** Only one process may have it open. */
  readonly exclusive?: true
  /** How it was set up, for the report. */
  readonly settings: string
  /** What its tables can do. */
  readonly methods: readonly TableMethod[]
  /** Loads its package; throws where it is not installed. */
  load(): Promise<unknown>
  version(): string
  open(directory: string, options: OpenOptions): Promise<Table>
  /** Makes the files that `open` finds; by default `create`, load, `close`. */
  prepare?(directory: string, options: OpenOptions): Promise<void>
}

/** Records in one transaction of a load. */
export const LOAD_TRANSACTION = 1_000_000

/** Calls `run` for slices [from, to) of at most `size`. */
export function inSlices(count: number, size: number, run: (from: number, to: number) => void) {
  for (let from = 0; from < count; from += size) run(from, Math.min(count, from + size))
}

/** The methods that a table's class has. */
export function methodsOf(table: { prototype: Table }): TableMethod[] {
  const names: string[] = []
  for (let at: object | null = table.prototype; at && at !== Object.prototype;
    at = Object.getPrototypeOf(at)) names.push(...Object.getOwnPropertyNames(at))
  return names.filter((name) => name !== 'constructor' && name !== 'close') as TableMethod[]
}
