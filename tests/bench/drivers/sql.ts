/** SQLite, by either of its bindings: the same statements, prepared once. */
import { join } from 'node:path'
import { LOAD_TRANSACTION, inSlices, type OpenOptions, type Table } from '../driver.js'
import { Kind, type Mix } from '../mix.js'
import { sequence } from '../random.js'
import {
  picksOf, userOf, visitsOf, weigh, type KeyKind, type Picks, type User,
} from '../record.js'

type Row = User & { id: number | string }

export interface Statement {
  get(...values: unknown[]): any
  iterate(...values: unknown[]): Iterable<any>
  run(...values: unknown[]): unknown
}

export interface Database {
  exec(sql: string): unknown
  prepare(sql: string): Statement
  close(): void
}

const COLUMNS = 'name TEXT NOT NULL, address TEXT NOT NULL, balance REAL NOT NULL, '
  + 'updated REAL NOT NULL, visits INTEGER NOT NULL, level INTEGER NOT NULL'

/** A table whose primary key is the tree that the rows are in. */
const SCHEMA: Record<KeyKind, string> = {
  number: `CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, ${COLUMNS})`,
  string: `CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY NOT NULL, ${COLUMNS}) `
    + 'WITHOUT ROWID',
}

export const SETTINGS = 'WAL, prepared statements, 256 MiB of cache, memory-mapped; '
  + 'durable: synchronous FULL; else NORMAL (a prefix survives a power failure)'

function setUp(db: Database, { keys, durability }: OpenOptions): void {
  db.exec('PRAGMA journal_mode = WAL')
  db.exec(`PRAGMA synchronous = ${durability === 'sync' ? 'FULL' : 'NORMAL'}`)
  db.exec('PRAGMA cache_size = -262144')
  db.exec('PRAGMA mmap_size = 8589934592')
  db.exec(SCHEMA[keys])
}

const statementsOf = (db: Database) => ({
  begin: db.prepare('BEGIN IMMEDIATE'),
  commit: db.prepare('COMMIT'),
  row: db.prepare('SELECT * FROM users WHERE id = ?'),
  field: db.prepare('SELECT visits FROM users WHERE id = ?'),
  many: db.prepare('SELECT visits FROM users WHERE id IN (SELECT value FROM json_each(?))'),
  fields: db.prepare('SELECT visits FROM users'),
  rows: db.prepare('SELECT * FROM users'),
  range: db.prepare('SELECT visits FROM users WHERE id >= ? ORDER BY id LIMIT ?'),
  rangeOfRows: db.prepare('SELECT * FROM users WHERE id >= ? ORDER BY id LIMIT ?'),
  put: db.prepare('INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?, ?, ?)'),
  update: db.prepare('UPDATE users SET visits = ? WHERE id = ?'),
  delete: db.prepare('DELETE FROM users WHERE id = ?'),
})

export class SqlTable implements Table {
  readonly #db: Database
  readonly #run: ReturnType<typeof statementsOf>

  constructor(db: Database, options: OpenOptions) {
    this.#db = db
    setUp(db, options)
    this.#run = statementsOf(db)
  }

  readWhole({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += weigh(this.#run.row.get(keys[at]))
    return sum
  }

  readField({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += this.#run.field.get(keys[at]).visits
    return sum
  }

  /** The keys as one parameter; `picks` has each key once. */
  readMany({ keys }: Picks): number {
    let sum = 0
    for (const { visits } of this.#run.many.iterate(JSON.stringify(Array.from(keys)))) sum += visits
    return sum
  }

  /** Knows no columns. */
  readColumn(picks: Picks): number {
    return this.readMany(picks)
  }

  scanField(): number {
    let sum = 0
    for (const { visits } of this.#run.fields.iterate()) sum += visits
    return sum
  }

  scanWhole(): number {
    let sum = 0
    for (const row of this.#run.rows.iterate()) sum += weigh(row)
    return sum
  }

  ranges({ keys }: Picks, length: number): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) {
      for (const { visits } of this.#run.range.iterate(keys[at], length)) sum += visits
    }
    return sum
  }

  insert(picks: Picks): void {
    this.overwrite(picks, 0)
  }

  bulkLoad(records: number): void {
    this.overwrite(picksOf('number', sequence(0, records)), 0)
  }

  overwrite(picks: Picks, revision: number): void {
    this.grouped(picks, revision, LOAD_TRANSACTION)
  }

  delete({ keys }: Picks): void {
    inSlices(keys.length, LOAD_TRANSACTION, (from, to) => this.#transact(() => {
      for (let at = from; at < to; at++) this.#run.delete.run(keys[at])
    }))
  }

  single({ indices, keys }: Picks, revision: number): void {
    for (let at = 0; at < keys.length; at++) this.#put(keys[at], userOf(indices[at]!, revision))
  }

  singleField({ indices, keys }: Picks, revision: number): void {
    const { update } = this.#run
    for (let at = 0; at < keys.length; at++) update.run(visitsOf(indices[at]!, revision), keys[at])
  }

  grouped({ indices, keys }: Picks, revision: number, size: number): void {
    inSlices(keys.length, size, (from, to) => this.#transact(() => {
      for (let at = from; at < to; at++) this.#put(keys[at], userOf(indices[at]!, revision))
    }))
  }

  mix({ kinds, picks: { indices, keys }, lengths }: Mix): number {
    const { row, update, rangeOfRows } = this.#run
    let sum = 0
    for (let at = 0; at < kinds.length; at++) {
      const key = keys[at]
      switch (kinds[at]) {
        case Kind.read: sum += weigh(row.get(key)); break
        case Kind.update: update.run(at, key); break
        case Kind.insert: this.#put(key, userOf(indices[at]!)); break
        case Kind.scan:
          for (const found of rangeOfRows.iterate(key, lengths[at])) sum += weigh(found as Row)
          break
        case Kind.modify: this.#transact(() => {
          const found: Row = row.get(key)
          sum += weigh(found)
          update.run(found.visits + 1, key)
        })
      }
    }
    return sum
  }

  close(): void {
    this.#db.close()
  }

  #put(key: unknown, user: User): void {
    this.#run.put.run(
      key, user.name, user.address, user.balance, user.updated, user.visits, user.level)
  }

  #transact(run: () => void): void {
    this.#run.begin.run()
    run()
    this.#run.commit.run()
  }
}

export const databasePath = (directory: string): string => join(directory, 'users.sqlite')
