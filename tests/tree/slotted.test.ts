import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KeyBuffer } from '../../lib/tree/keys.js'
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

test.run()
