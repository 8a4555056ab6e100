/**
 * How long the operations of trees take, on plain memory. Run by hand:
 *
 *   node dist/tests/tree/speed.js [entries, 1,000,000 if not given]
 */
import { C } from '../../formats/index.js'
import { KeyBuffer, PairKey } from '../../lib/tree/keys.js'
import type { KeyKind } from '../../lib/tree/keys.js'
import { createTree, openTree } from '../../lib/tree/open.js'
import { MemorySpace } from '../harness/memory-space.js'

const entries = Number(process.argv[2] ?? 1_000_000)

const print = (what: string, ms: number, count: number): void =>
  console.log(`${what.padEnd(36)} ${((ms * 1e6) / count).toFixed(1).padStart(9)} ns`)

function time(what: string, count: number, work: () => void): void {
  const start = performance.now()
  work()
  print(what, performance.now() - start, count)
}

/** 0 … count − 1 in an order that looks random and is the same each time. */
function shuffled(count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  let seed = 12345
  for (let i = count - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    const j = Math.floor((seed / 2 ** 32) * (i + 1))
    const swapped = order[i]!
    order[i] = order[j]!
    order[j] = swapped
  }
  return order
}

const make = <Kind extends KeyKind>(kind: Kind) => {
  const space = new MemorySpace({ capacityBytes: 1024 * 2 ** 20 })
  space.beginTransaction()
  const root = createTree(space, kind, { typeId: 40, valueBytes: 4, rootBytes: C.PAGE_BYTES })
  return { space, tree: openTree(space, kind, root) }
}

const order = shuffled(entries)
let checksum = 0

function numbers(kind: 'u32' | 'f64', scale: number): void {
  const keys = Float64Array.from(order, (key) => (kind === 'u32' ? key * scale : key * scale + 0.5))
  const sorted = keys.toSorted()
  for (const [name, input] of [['ascending', sorted], ['random', keys]] as const) {
    const { space, tree } = make(kind)
    const write = (at: number, value: number): void => void (tree.window.u32[at] = value)
    time(`${kind} place, ${name}`, entries, () => {
      for (let i = 0; i < entries; i++) {
        write(tree.place(input[i]!), i)
      }
    })
    time(`${kind} place again, random`, entries, () => {
      for (let i = 0; i < entries; i++) write(tree.place(keys[i]!), i)
    })
    for (let round = 0; round < 2; round++) {
      time(`${kind} find, random`, entries, () => {
        let found = 0
        for (let i = 0; i < entries; i++) if (tree.find(keys[i]!) >= 0) found++
        checksum += found
      })
    }
    time(`${kind} find, ascending`, entries, () => {
      let found = 0
      for (let i = 0; i < entries; i++) if (tree.find(sorted[i]!) >= 0) found++
      checksum += found
    })
    time(`${kind} cursor`, entries, () => {
      const cursor = tree.cursor()
      let sum = 0
      for (let more = cursor.first(); more; more = cursor.next()) {
        sum ^= cursor.window.u32[cursor.valueIndex]!
      }
      checksum += sum
    })
    time(`${kind} cursor with key`, entries, () => {
      const cursor = tree.cursor()
      let sum = 0
      for (let more = cursor.first(); more; more = cursor.next()) sum += cursor.key()
      checksum += sum
    })
    const bytes = ((space.allocatedUnits * 8) / entries).toFixed(1)
    console.log(`${kind} bytes for each entry              ${bytes}`)
    space.commit()
    space.beginTransaction()
    time(`${kind} place again, marked lines`, entries, () => {
      for (let i = 0; i < entries; i++) write(tree.place(keys[i]!), i)
    })
    time(`${kind} remove, random`, entries, () => {
      for (let i = 0; i < entries; i++) tree.remove(keys[i]!)
    })
  }
}

function pairs(): void {
  const { tree } = make('u64')
  const write = (at: number, value: number): void => void (tree.window.u32[at] = value)
  const key = new PairKey(7)
  time('u64 place, random', entries, () => {
    for (let i = 0; i < entries; i++) {
      key.low = order[i]!
      write(tree.place(key), i)
    }
  })
  time('u64 find, random', entries, () => {
    let found = 0
    for (let i = 0; i < entries; i++) {
      key.low = order[i]!
      if (tree.find(key) >= 0) found++
    }
    checksum += found
  })
}

function strings(): void {
  const texts = Array.from(order, (n) => `${String.fromCharCode(65 + (n % 26))}${n % 7}/city-${n}`)
  const sorted = texts.toSorted()
  const encode = (all: string[]): { bytes: Uint8Array; ends: Uint32Array } => {
    const ends = new Uint32Array(all.length)
    let end = 0
    for (let i = 0; i < all.length; i++) ends[i] = end += all[i]!.length
    return { bytes: Buffer.from(all.join(''), 'latin1'), ends }
  }
  const random = encode(texts)
  for (const [name, input] of [['ascending', encode(sorted)], ['random', random]] as const) {
    const { space, tree } = make('bytes')
    const write = (at: number, value: number): void => void (tree.window.u32[at] = value)
    const key = new KeyBuffer()
    const take = ({ bytes, ends }: typeof input, i: number): KeyBuffer => {
      key.assign(bytes, i === 0 ? 0 : ends[i - 1]!, ends[i]!)
      return key
    }
    time(`bytes place, ${name}`, entries, () => {
      for (let i = 0; i < entries; i++) write(tree.place(take(input, i)), i)
    })
    for (let round = 0; round < 2; round++) {
      time('bytes find, random', entries, () => {
        let found = 0
        for (let i = 0; i < entries; i++) if (tree.find(take(random, i)) >= 0) found++
        checksum += found
      })
    }
    time('bytes cursor', entries, () => {
      const cursor = tree.cursor()
      let sum = 0
      for (let more = cursor.first(); more; more = cursor.next()) {
        sum ^= cursor.window.u32[cursor.valueIndex]!
      }
      checksum += sum
    })
    time('bytes cursor with key', entries, () => {
      const cursor = tree.cursor()
      let sum = 0
      for (let more = cursor.first(); more; more = cursor.next()) sum += cursor.key().length
      checksum += sum
    })
    const bytes = ((space.allocatedUnits * 8) / entries).toFixed(1)
    console.log(`bytes bytes for each entry            ${bytes}`)
    time('bytes remove, random', entries, () => {
      for (let i = 0; i < entries; i++) tree.remove(take(random, i))
    })
  }
}

function cells(): void {
  const { space } = make('u32')
  const refs = new Float64Array(entries)
  time('allocate 100 bytes off the frontier', entries, () => {
    for (let i = 0; i < entries; i++) refs[i] = space.allocate(100, C.TYPE_BYTES)
  })
  time('free', entries, () => {
    for (let i = 0; i < entries; i += 2) space.free(refs[i] as never)
  })
  time('allocate 100 bytes again', entries / 2, () => {
    for (let i = 0; i < entries; i += 2) refs[i] = space.allocate(100, C.TYPE_BYTES)
  })
}

const wanted = process.argv[3]
if (wanted === undefined || wanted === 'u32') numbers('u32', 3)
if (wanted === undefined || wanted === 'f64') numbers('f64', 3)
if (wanted === undefined || wanted === 'u64') pairs()
if (wanted === undefined || wanted === 'bytes') strings()
if (wanted === undefined || wanted === 'cells') cells()
console.log(`checksum ${checksum}`)
