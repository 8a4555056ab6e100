/**
 * lmdb-js as its README advises: msgpack with shared structures, `keyEncoding: 'uint32'` for
 * numbers, many puts a transaction. Durable: `overlappingSync` off, so that a commit that returned
 * is on the disk. Not durable: `noSync`. The database has a name of its own: version 3.5.6 crashes
 * when it changes an unnamed one with `uint32` keys that it has opened again.
 */
import { join } from 'node:path'
import {
  LOAD_TRANSACTION, inSlices, methodsOf, type Driver, type OpenOptions, type Table,
} from '../driver.js'
import { Kind, type Mix } from '../mix.js'
import { requirePeer, versionOf } from '../peers.js'
import { sequence } from '../random.js'
import { picksOf, userOf, visitsOf, weigh, type Picks, type User } from '../record.js'

type Key = number | string

interface Database {
  get(key: Key): User
  getMany(keys: readonly Key[]): Promise<User[]>
  getRange(range: { start?: Key; limit?: number }): Iterable<{ key: Key; value: User }>
  put(key: Key, value: User): Promise<boolean>
  putSync(key: Key, value: User, options?: { append: boolean }): boolean
  removeSync(key: Key): boolean
  transactionSync<R>(run: () => R): R
}

interface Environment {
  openDB(name: string, options: object): Database
  close(): Promise<void>
}

/** Where structures are kept: before every key of ours, so that these may be appended. */
const STRUCTURES = { number: 0, string: Symbol.for('structures') }
const FIRST: Record<'number' | 'string', Key> = { number: 1, string: 'user:' }

class LmdbTable implements Table {
  readonly #environment: Environment
  readonly #db: Database
  readonly #first: Key

  constructor(environment: Environment, db: Database, first: Key) {
    this.#environment = environment
    this.#db = db
    this.#first = first
  }

  readWhole({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += weigh(this.#db.get(keys[at]))
    return sum
  }

  readField({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += this.#db.get(keys[at]).visits
    return sum
  }

  async readMany({ keys }: Picks): Promise<number> {
    let sum = 0
    for (const user of await this.#db.getMany(Array.from(keys))) sum += user.visits
    return sum
  }

  /** Knows no columns. */
  readColumn(picks: Picks): Promise<number> {
    return this.readMany(picks)
  }

  scanField(): number {
    let sum = 0
    for (const { value } of this.#db.getRange({ start: this.#first })) sum += value.visits
    return sum
  }

  /** Knows no columns. */
  scanColumn(): number {
    return this.scanField()
  }

  scanWhole(): number {
    let sum = 0
    for (const { value } of this.#db.getRange({ start: this.#first })) sum += weigh(value)
    return sum
  }

  ranges({ keys }: Picks, length: number): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) {
      for (const { value } of this.#db.getRange({ start: keys[at], limit: length })) {
        sum += value.visits
      }
    }
    return sum
  }

  insert(picks: Picks): void {
    this.overwrite(picks, 0)
  }

  bulkLoad(records: number): void {
    const { indices, keys } = picksOf('number', sequence(0, records))
    inSlices(records, LOAD_TRANSACTION, (from, to) => this.#db.transactionSync(() => {
      for (let at = from; at < to; at++) {
        this.#db.putSync(keys[at], userOf(indices[at]!), { append: true })
      }
    }))
  }

  overwrite({ indices, keys }: Picks, revision: number): void {
    inSlices(keys.length, LOAD_TRANSACTION, (from, to) => this.#db.transactionSync(() => {
      for (let at = from; at < to; at++) {
        this.#db.putSync(keys[at], userOf(indices[at]!, revision))
      }
    }))
  }

  delete({ keys }: Picks): void {
    inSlices(keys.length, LOAD_TRANSACTION, (from, to) => this.#db.transactionSync(() => {
      for (let at = from; at < to; at++) this.#db.removeSync(keys[at])
    }))
  }

  single({ indices, keys }: Picks, revision: number): void {
    for (let at = 0; at < keys.length; at++) {
      this.#db.putSync(keys[at], userOf(indices[at]!, revision))
    }
  }

  singleField({ indices, keys }: Picks, revision: number): void {
    const db = this.#db
    for (let at = 0; at < keys.length; at++) {
      db.transactionSync(() => {
        const user = db.get(keys[at])
        user.visits = visitsOf(indices[at]!, revision)
        db.putSync(keys[at], user)
      })
    }
  }

  grouped({ indices, keys }: Picks, revision: number, size: number): void {
    inSlices(keys.length, size, (from, to) => this.#db.transactionSync(() => {
      for (let at = from; at < to; at++) {
        this.#db.putSync(keys[at], userOf(indices[at]!, revision))
      }
    }))
  }

  async writes({ indices, keys }: Picks, revision: number, burst: number): Promise<void> {
    for (let from = 0; from < keys.length; from += burst) {
      const promises: Promise<boolean>[] = []
      for (let at = from; at < Math.min(from + burst, keys.length); at++) {
        promises.push(this.#db.put(keys[at], userOf(indices[at]!, revision)))
      }
      await Promise.all(promises)
    }
  }

  mix({ kinds, picks: { indices, keys }, lengths }: Mix): number {
    const db = this.#db
    let sum = 0
    for (let at = 0; at < kinds.length; at++) {
      const key = keys[at]
      switch (kinds[at]) {
        case Kind.read: sum += weigh(db.get(key)); break
        case Kind.update: db.transactionSync(() => {
          const user = db.get(key)
          user.visits = at
          db.putSync(key, user)
        }); break
        case Kind.insert: db.putSync(key, userOf(indices[at]!)); break
        case Kind.scan:
          for (const { value } of db.getRange({ start: key, limit: lengths[at]! })) {
            sum += weigh(value)
          }
          break
        case Kind.modify: db.transactionSync(() => {
          const user = db.get(key)
          sum += weigh(user)
          user.visits++
          db.putSync(key, user)
        })
      }
    }
    return sum
  }

  close(): Promise<void> {
    return this.#environment.close()
  }
}

export const driver: Driver = {
  kind: 'store',
  name: 'lmdb',
  settings: 'msgpack with shared structures, keyEncoding uint32 for numbers, noMemInit; '
    + 'durable: overlappingSync off; else noSync',
  methods: methodsOf(LmdbTable),
  load: async () => requirePeer('lmdb'),
  version: () => versionOf('lmdb'),
  async open(directory: string, { keys, durability }: OpenOptions) {
    const environment: Environment = requirePeer('lmdb').open({
      path: join(directory, 'data.mdb'),
      noSubdir: true,
      noMemInit: true,
      overlappingSync: false,
      ...(durability === 'none' ? { noSync: true } : {}),
    })
    const db = environment.openDB('users', {
      sharedStructuresKey: STRUCTURES[keys],
      ...(keys === 'number' ? { keyEncoding: 'uint32' } : {}),
    })
    return new LmdbTable(environment, db, FIRST[keys])
  },
}
