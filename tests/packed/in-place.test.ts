/** Large arrays of packed regions, which are read where they lie. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, t, type Infer } from '../../lib/index.js'
import { inPlace, thrown } from '../harness/with-region.js'

const test = suite('packed regions: arrays in place')

const Rows = t.struct('Rows', {
  numbers: t.array(t.u16), bytes: t.bytes, name: t.string,
})
type RowsView = Infer<typeof Rows>
const BYTES = 3_000_000

function packRows(path: string, fill: number): void {
  Region.pack(path, { root: Rows, capacity: '64MiB' }, () => ({
    numbers: new Uint16Array(BYTES / 2).fill(fill * 257),
    bytes: new Uint8Array(BYTES).fill(fill + 1),
    name: 'rows',
  }))!.close()
}

const load = (path: string, verify: 'none' | 'lazy' = 'none'): Packed<RowsView> =>
  Packed.load(path, { root: Rows, verify })

/** What a large array of numbers is. */
const inMemory = (numbers: object): Uint16Array => numbers as Uint16Array

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 5; i++) {
    gc()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('one buffer for an array, however often it is read', inPlace((place) => {
  const path = place.path('rows')
  packRows(path, 3)
  const packed = place.keep(load(path))
  const { root } = packed
  assert.is(root.bytes.buffer, packed.root.bytes.buffer)
  assert.is(inMemory(root.numbers).buffer, inMemory(packed.root.numbers).buffer)
  const { bytes } = root
  packed.close()
  assert.is(bytes.length, 0)
}))

test('its buffer cannot be taken away', inPlace((place) => {
  const path = place.path('rows')
  packRows(path, 3)
  const { root } = place.keep(load(path))
  const buffer = root.bytes.buffer as ArrayBuffer & { transfer(): ArrayBuffer }
  assert.throws(() => buffer.transfer(), /slice\(\)/)
  try {
    structuredClone(root.bytes, { transfer: [buffer] })[0] = 99
  } catch {
    // refused; Node 20 copies
  }
  assert.equal([root.bytes[0], root.bytes.length], [4, BYTES])
}))

test('very many in one turn are not kept, and good as long as somebody has them', inPlace(
  async (place) => {
    const [path, other] = [place.path('parts'), place.path('other')]
    const type = t.map(t.u32, t.bytes)
    for (const [file, fill] of [[path, 0], [other, 7]] as const) {
      const parts = Array.from({ length: 3000 }, (_, i) =>
        [i, new Uint8Array(4500).fill(i + fill)] as const)
      Region.pack(file, { root: type, capacity: '64MiB' }, () => parts)!.close()
    }
    const packed = Packed.load(path, { root: type })
    const first = packed.root.get(0)!
    const seen: Uint8Array[] = []
    const buffers: WeakRef<object>[] = []
    for (const [i, part] of packed.root) {
      assert.equal([part.length, part[0], part[4499]], [4500, i & 255, i & 255])
      if (i % 500 === 0) seen.push(part)
      buffers.push(new WeakRef(part.buffer))
    }
    assert.is(first[1], 0)
    await collectGarbage()
    assert.ok(buffers.filter((buffer) => buffer.deref() !== undefined).length < 1100)
    packed.close()
    await collectGarbage()
    const others = [0, 1, 2].map(() => place.keep(Packed.load(other, { root: type })))
    assert.equal(others.map(({ root }) => root.get(500)![0]), [251, 251, 251])
    for (const [at, part] of seen.entries()) {
      if (part.length > 0) assert.is(part[4499], (at * 500) & 255)
    }
    assert.is(seen.at(-1)!.length, 0, 'of the latest')
    assert.is(seen[0]!.length, 4500, 'of the others')
  }))

test('an array outlives everything else of its handle that is forgotten', inPlace(async (place) => {
  const [path, other] = [place.path('rows'), place.path('other')]
  packRows(path, 3)
  packRows(other, 9)
  const bytes = (() => load(path).root.bytes)()
  const some = (() => inMemory(load(path).root.numbers).subarray(100, 200))()
  await collectGarbage()
  const others = [0, 1, 2].map(() => place.keep(load(other)))  // in their memory, if it were free
  assert.equal(others.map(({ root }) => root.bytes[0]), [10, 10, 10])
  assert.equal([bytes[7], bytes[BYTES - 1], some[0], some[99]], [4, 4, 3 * 257, 3 * 257])
}))

test('verified lazily: before an array is given out', inPlace((place) => {
  const path = place.path('rows')
  packRows(path, 3)
  chmodSync(path, 0o644)
  const sound = readFileSync(path)
  const first = {
    numbers: sound.indexOf(Buffer.alloc(64, 3)), bytes: sound.indexOf(Buffer.alloc(64, 4)),
  }
  for (const field of ['numbers', 'bytes'] as const) {
    for (const part of [0.3, 0.999]) {
      const damaged = Buffer.from(sound)
      damaged[first[field] + Math.floor(part * BYTES)]! ^= 1
      writeFileSync(path, damaged)
      const { root } = place.keep(load(path, 'lazy'))
      thrown('RSTORE_CORRUPT', () => root[field])
    }
  }
  writeFileSync(path, sound)
  assert.is(place.keep(load(path, 'lazy')).root.numbers.at(-1), 3 * 257)
}))

test.run()
