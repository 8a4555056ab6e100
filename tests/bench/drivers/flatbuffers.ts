/**
 * FlatBuffers: one read-only buffer, a vector of tables sorted by key and searched by halving, as
 * `flatc` generates it for a field that is a key.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { methodsOf, type Driver, type OpenOptions, type Table } from '../driver.js'
import { requirePeer, versionOf } from '../peers.js'
import { sequence } from '../random.js'
import { picksOf, userOf, weigh, type KeyKind, type Picks, type User } from '../record.js'

interface Bytes {
  readInt32(at: number): number
  readUint32(at: number): number
  readUint8(at: number): number
  readFloat64(at: number): number
  __offset(table: number, slot: number): number
  __string(at: number): string
  bytes(): Uint8Array
  position(): number
}

/** Slots of the table's fields, in the order of the schema. */
const SLOT = {
  id: 4, key: 6, name: 8, address: 10, balance: 12, updated: 14, visits: 16, level: 18,
}

/** The accessor of one table, as generated code has it: moved from record to record. */
class UserTable {
  readonly #bytes: Bytes
  at = 0

  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  id(): number { return this.#bytes.readUint32(this.#field(SLOT.id)) }
  visits(): number { return this.#bytes.readUint32(this.#field(SLOT.visits)) }

  all(): User {
    return {
      name: this.#bytes.__string(this.#field(SLOT.name)),
      address: this.#bytes.__string(this.#field(SLOT.address)),
      balance: this.#bytes.readFloat64(this.#field(SLOT.balance)),
      updated: this.#bytes.readFloat64(this.#field(SLOT.updated)),
      visits: this.visits(),
      level: this.#bytes.readUint8(this.#field(SLOT.level)),
    }
  }

  /** How its key compares with another in UTF-8. */
  compareKey(other: Uint8Array): number {
    const field = this.#field(SLOT.key)
    const from = field + this.#bytes.readInt32(field)
    const length = this.#bytes.readInt32(from)
    const bytes = this.#bytes.bytes()
    for (let index = 0; index < Math.min(length, other.length); index++) {
      const difference = bytes[from + 4 + index]! - other[index]!
      if (difference !== 0) return difference
    }
    return length - other.length
  }

  #field(slot: number): number {
    return this.at + this.#bytes.__offset(this.at, slot)
  }
}

class FlatTable implements Table {
  readonly #bytes: Bytes
  readonly #user: UserTable
  readonly #start: number
  readonly #count: number

  constructor(bytes: Bytes) {
    this.#bytes = bytes
    this.#user = new UserTable(bytes)
    const root = bytes.readInt32(bytes.position()) + bytes.position()
    const vector = root + bytes.__offset(root, 4)
    const from = vector + bytes.readInt32(vector)
    this.#count = bytes.readInt32(from)
    this.#start = from + 4
  }

  readWhole({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += weigh(this.#find(keys[at]).all())
    return sum
  }

  readField({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += this.#find(keys[at]).visits()
    return sum
  }

  scanField(): number {
    let sum = 0
    for (let index = 0; index < this.#count; index++) sum += this.#table(index).visits()
    return sum
  }

  scanWhole(): number {
    let sum = 0
    for (let index = 0; index < this.#count; index++) sum += weigh(this.#table(index).all())
    return sum
  }

  ranges({ keys }: Picks, length: number): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) {
      const from = this.#lowerBound(keys[at])
      const to = Math.min(from + length, this.#count)
      for (let index = from; index < to; index++) sum += this.#table(index).visits()
    }
    return sum
  }

  close(): void {}

  #table(index: number): UserTable {
    const field = this.#start + index * 4
    this.#user.at = field + this.#bytes.readInt32(field)
    return this.#user
  }

  #find(key: number | string): UserTable {
    return this.#table(this.#lowerBound(key))
  }

  /** The first table whose key is not lower. */
  #lowerBound(key: number | string): number {
    const utf8 = typeof key === 'string' ? Buffer.from(key) : undefined
    let [low, high] = [0, this.#count]
    while (low < high) {
      const middle = low + high >>> 1
      const user = this.#table(middle)
      const difference = utf8 === undefined ? user.id() - (key as number) : user.compareKey(utf8)
      if (difference < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

function build(kind: KeyKind, records: number): Uint8Array {
  const builder = new (requirePeer('flatbuffers').Builder)(records * 200 + 1024)
  const { keys } = picksOf(kind, sequence(0, records))
  const order = sequence(0, records)
  if (kind === 'string') order.sort((one, other) => keys[one] < keys[other] ? -1 : 1)
  const offsets = new Int32Array(records)
  order.forEach((index, at) => { offsets[at] = buildUser(builder, keys[index], index) })
  builder.startVector(4, records, 4)
  for (let at = records - 1; at >= 0; at--) builder.addOffset(offsets[at])
  const vector = builder.endVector()
  builder.startObject(1)
  builder.addFieldOffset(0, vector, 0)
  builder.finish(builder.endObject())
  return builder.asUint8Array()
}

function buildUser(builder: any, key: number | string, index: number): number {
  const user = userOf(index)
  const [name, address] = [builder.createString(user.name), builder.createString(user.address)]
  const text = typeof key === 'string' ? builder.createString(key) : 0
  builder.startObject(8)
  if (typeof key === 'number') builder.addFieldInt32(0, key, null)
  else builder.addFieldOffset(1, text, 0)
  builder.addFieldOffset(2, name, 0)
  builder.addFieldOffset(3, address, 0)
  builder.addFieldFloat64(4, user.balance, null)
  builder.addFieldFloat64(5, user.updated, null)
  builder.addFieldInt32(6, user.visits, null)
  builder.addFieldInt8(7, user.level, null)
  return builder.endObject()
}

const fileIn = (directory: string): string => join(directory, 'users.fb')

export const driver: Driver = {
  kind: 'file',
  name: 'flatbuffers',
  settings: 'one read-only buffer, sorted vector, binary search',
  methods: methodsOf(FlatTable),
  load: async () => requirePeer('flatbuffers'),
  version: () => versionOf('flatbuffers'),
  async open(directory: string) {
    const { ByteBuffer } = requirePeer('flatbuffers')
    return new FlatTable(new ByteBuffer(new Uint8Array(readFileSync(fileIn(directory)))))
  },
  async prepare(directory: string, { keys, records }: OpenOptions) {
    writeFileSync(fileIn(directory), build(keys, records))
  },
}
