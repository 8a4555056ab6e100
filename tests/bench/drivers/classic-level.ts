/**
 * LevelDB through classic-level: `getSync`, batches, iteration 1,000 entries at a time. Values are
 * MessagePack with the record's structure agreed on, which is faster than its `json`.
 */
import { join } from 'node:path'
import { methodsOf, type Driver, type Durability, type OpenOptions, type Table } from '../driver.js'
import { Kind, type Mix } from '../mix.js'
import { requirePeer, versionOf } from '../peers.js'
import { sequence } from '../random.js'
import {
  FIELDS, picksOf, userOf, visitsOf, weigh, type KeyKind, type Picks, type User,
} from '../record.js'

type Key = number | string
type Operation = { type: 'put'; key: Key; value: User } | { type: 'del'; key: Key }

interface Iterator { nextv(size: number): Promise<[Key, User][]>; close(): Promise<void> }

interface Database {
  open(options: object): Promise<void>
  getSync(key: Key): User
  getMany(keys: Key[]): Promise<User[]>
  put(key: Key, value: User, options: { sync: boolean }): Promise<void>
  batch(operations: Operation[], options: { sync: boolean }): Promise<void>
  iterator(range: { gte?: Key; limit?: number }): Iterator
  close(): Promise<void>
}

/** LevelDB keeps a batch in memory: far smaller ones than a transaction elsewhere are its way. */
const BATCH = 10_000
const STEP = 1000

class LevelTable implements Table {
  readonly #db: Database
  readonly #sync: boolean

  constructor(db: Database, durability: Durability) {
    this.#db = db
    this.#sync = durability === 'sync'
  }

  readWhole({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += weigh(this.#db.getSync(keys[at]))
    return sum
  }

  readField({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += this.#db.getSync(keys[at]).visits
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

  scanField(): Promise<number> {
    return this.#scan({}, (user) => user.visits)
  }

  scanWhole(): Promise<number> {
    return this.#scan({}, weigh)
  }

  async ranges({ keys }: Picks, length: number): Promise<number> {
    let sum = 0
    for (let at = 0; at < keys.length; at++) {
      sum += await this.#scan({ gte: keys[at], limit: length }, (user) => user.visits)
    }
    return sum
  }

  insert(picks: Picks): Promise<void> {
    return this.grouped(picks, 0, BATCH)
  }

  bulkLoad(records: number): Promise<void> {
    return this.insert(picksOf('number', sequence(0, records)))
  }

  overwrite(picks: Picks, revision: number): Promise<void> {
    return this.grouped(picks, revision, BATCH)
  }

  async delete({ keys }: Picks): Promise<void> {
    await this.#inBatches(keys.length, BATCH, (at) => ({ type: 'del', key: keys[at] }))
  }

  async single({ indices, keys }: Picks, revision: number): Promise<void> {
    for (let at = 0; at < keys.length; at++) {
      await this.#db.put(keys[at], userOf(indices[at]!, revision), { sync: this.#sync })
    }
  }

  async singleField({ indices, keys }: Picks, revision: number): Promise<void> {
    const db = this.#db
    for (let at = 0; at < keys.length; at++) {
      const user = db.getSync(keys[at])
      user.visits = visitsOf(indices[at]!, revision)
      await db.put(keys[at], user, { sync: this.#sync })
    }
  }

  async grouped({ indices, keys }: Picks, revision: number, size: number): Promise<void> {
    await this.#inBatches(keys.length, size, (at) =>
      ({ type: 'put', key: keys[at], value: userOf(indices[at]!, revision) }))
  }

  async mix({ kinds, picks: { indices, keys }, lengths }: Mix): Promise<number> {
    const db = this.#db
    const options = { sync: this.#sync }
    let sum = 0
    for (let at = 0; at < kinds.length; at++) {
      const key = keys[at]
      switch (kinds[at]) {
        case Kind.read: sum += weigh(db.getSync(key)); break
        case Kind.update: await db.put(key, { ...db.getSync(key), visits: at }, options); break
        case Kind.insert: await db.put(key, userOf(indices[at]!), options); break
        case Kind.scan: sum += await this.#scan({ gte: key, limit: lengths[at]! }, weigh); break
        case Kind.modify: {
          const user = db.getSync(key)
          sum += weigh(user)
          user.visits++
          await db.put(key, user, options)
        }
      }
    }
    return sum
  }

  close(): Promise<void> {
    return this.#db.close()
  }

  async #scan(range: { gte?: Key; limit?: number }, of: (user: User) => number): Promise<number> {
    const iterator = this.#db.iterator(range)
    let sum = 0
    for (;;) {
      const entries = await iterator.nextv(STEP)
      if (entries.length === 0) break
      for (const [, user] of entries) sum += of(user)
    }
    await iterator.close()
    return sum
  }

  async #inBatches(count: number, size: number, of: (at: number) => Operation): Promise<void> {
    for (let from = 0; from < count; from += size) {
      const operations: Operation[] = []
      for (let at = from; at < Math.min(from + size, count); at++) operations.push(of(at))
      await this.#db.batch(operations, { sync: this.#sync })
    }
  }
}

/** Four bytes, the highest first, so that they sort as the numbers do. */
const numberEncoding = {
  name: 'u32',
  format: 'buffer',
  encode(key: number): Buffer {
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeUInt32BE(key)
    return bytes
  },
  decode: (bytes: Buffer): number => bytes.readUInt32BE(),
}

function valueEncoding(): object {
  const packr = new (requirePeer('msgpackr').Packr)({ structures: [[...FIELDS]] })
  return {
    name: 'msgpack',
    format: 'buffer',
    encode: (user: User) => packr.pack(user),
    decode: (bytes: Buffer) => packr.unpack(bytes),
  }
}

const keyEncodings: Record<KeyKind, unknown> = { number: numberEncoding, string: 'utf8' }

export const driver: Driver = {
  kind: 'store',
  exclusive: true,
  name: 'classic-level',
  settings: 'msgpack values, 256 MiB of cache, default compression; durable: sync: true',
  methods: methodsOf(LevelTable),
  load: async () => requirePeer('classic-level'),
  version: () => versionOf('classic-level'),
  async open(directory: string, { keys, durability }: OpenOptions) {
    const { ClassicLevel } = requirePeer('classic-level')
    const db: Database = new ClassicLevel(join(directory, 'level'), {
      keyEncoding: keyEncodings[keys], valueEncoding: valueEncoding(),
    })
    await db.open({ cacheSize: 256 << 20 })
    return new LevelTable(db, durability)
  },
}
