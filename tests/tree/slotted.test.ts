import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { walkSpace } from '../../lib/space/walk.js'
import { KeyBuffer } from '../../lib/tree/keys.js'
import { createTree, openTree } from '../../lib/tree/open.js'
import { verifyTree } from '../../lib/tree/verify.js'
import { MemorySpace } from '../harness/memory-space.js'
import { checkFamily } from './model.js'
import type { Family } from './model.js'

const test = suite('tree/slotted')

const toKey = (plain: string): KeyBuffer => {
  const bytes = Buffer.from(plain, 'latin1')
  const key = new KeyBuffer(4)
  key.assign(bytes, 0, bytes.length)
  return key
}
const toPlain = ({ u8, length }: KeyBuffer): string =>
  Buffer.from(u8.subarray(0, length)).toString('latin1')
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

const family = (arbitrary: fc.Arbitrary<string>): Family<'bytes', string> =>
  ({ kind: 'bytes', arbitrary, toKey, toPlain, compare })

const bytes = (alphabet: string, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet), maxLength, size: 'max' })

const short = bytes('ab\0\xff', 9)
const prefixed = fc.tuple(fc.constantFrom('', 'country/', 'country/city/', 'z'.repeat(300)),
  bytes('abc', 6)).map((parts) => parts.join(''))
const long = fc.tuple(fc.constantFrom(3, 200, 250, 254, 255, 256, 300, 5000), bytes('abc', 5),
  fc.constantFrom('x', 'y')).map(([length, tail, head]) => head.repeat(length) + tail)

test('short byte strings behave like a sorted array', () => {
  assert.ok(checkFamily(family(short), 60) >= 3)
})

test('keys with common prefixes behave like a sorted array', () => {
  assert.ok(checkFamily(family(prefixed), 60) >= 3)
})

test('long keys behave like a sorted array', () => {
  checkFamily(family(long), 60)
})

test('keys of all lengths behave like a sorted array', () => {
  checkFamily(family(fc.oneof(short, prefixed, long)), 60)
})

/** Loads sorted keys in two parts, changes what came of it, and compares with the keys. */
function load(keys: string[], parts: number, maximumEntries: number): void {
  const space = new MemorySpace({ capacityBytes: 8 * 2 ** 20 })
  space.beginTransaction()
  const root = createTree(space, 'bytes', { typeId: 40, valueBytes: 4, rootBytes: 256 })
  const tree = openTree(space, 'bytes', root, { maximumEntries })
  const check = (expected: string[]): void => {
    assert.equal(verifyTree(tree, space.frontierUnits), [])
    assert.equal(walkSpace(space, space.frontierUnits).problems, [])
    const cursor = tree.cursor()
    const found: string[] = []
    for (let more = cursor.first(); more; more = cursor.next()) found.push(toPlain(cursor.key()))
    assert.equal(found, expected)
  }
  for (let part = 0; part < parts; part++) {
    const loader = tree.loader()
    const from = Math.floor((keys.length * part) / parts)
    const to = Math.floor((keys.length * (part + 1)) / parts)
    for (let i = from; i < to; i++) {
      const at = loader.append(toKey(keys[i]!))
      assert.is(tree.window.u32[at], 0)
      tree.window.u32[at] = i
    }
    loader.finish()
    check(keys.slice(0, to))
  }
  for (let i = 0; i < keys.length; i++) {
    const at = tree.find(toKey(keys[i]!))
    assert.is(tree.window.u32[at], i)
  }
  for (let i = 0; i < keys.length; i += 2) assert.ok(tree.remove(toKey(keys[i]!)))
  check(keys.filter((_, i) => i % 2 === 1))
  for (let i = 0; i < keys.length; i += 2) tree.place(toKey(keys[i]!))
  check(keys)
}

test('what a loader leaves behind is a tree like any other', () => {
  const grouped = fc.tuple(fc.constantFrom('', 'country/', 'country/city/street/', 'x'.repeat(200),
    'y'.repeat(260)), bytes('abc', 7)).map((parts) => parts.join(''))
  const sets = fc.uniqueArray(grouped, { maxLength: 900, size: 'max' })
    .map((keys) => keys.sort(compare))
  const property = fc.property(sets, fc.integer({ min: 1, max: 3 }),
    fc.constantFrom(4, 5, 0xffff, 0xffff), load)
  fc.assert(property, { numRuns: 40, includeErrorInReport: true })
})

test('a loader with groups of keys whose prefixes differ', () => {
  const keys: string[] = []
  for (let group = 0; group < 40; group++) {
    const prefix = `${String(group).padStart(3, '0')}/${'long common part '.repeat(group % 14)}`
    for (let n = 0; n < 150 + group; n++) keys.push(prefix + String(n).padStart(4, '0'))
  }
  load(keys, 1, 0xffff)
  load(keys, 7, 0xffff)
})

test.run()
