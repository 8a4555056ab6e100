import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PairKey } from '../../lib/tree/keys.js'
import { checkFamily } from './model.js'
import type { Family } from './model.js'

const test = suite('tree/fixed')

const order = (a: number | bigint, b: number | bigint): number => (a < b ? -1 : Number(a > b))

const u32: Family<'u32', number> = {
  kind: 'u32',
  arbitrary: fc.oneof(fc.nat(400), fc.integer({ min: 2 ** 31 - 40, max: 2 ** 31 + 40 }),
    fc.integer({ min: 2 ** 32 - 40, max: 2 ** 32 - 1 })),
  toKey: (plain) => plain,
  toPlain: (key) => key,
  compare: order,
}

const f64: Family<'f64', number> = {
  kind: 'f64',
  arbitrary: fc.oneof(fc.nat(400), fc.double({ noNaN: true, min: -10, max: 10 }),
    fc.constantFrom(Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE))
    .map((value) => value + 0),
  toKey: (plain) => plain,
  toPlain: (key) => key,
  compare: order,
}

const u64: Family<'u64', bigint> = {
  kind: 'u64',
  arbitrary: fc.tuple(fc.constantFrom(0n, 1n, 2n ** 31n, 2n ** 32n - 1n), fc.nat(59),
    fc.constantFrom(0n, 2n ** 31n - 30n, 2n ** 32n - 60n))
    .map(([high, low, base]) => (high << 32n) + base + BigInt(low)),
  toKey: (plain) => new PairKey(Number(plain >> 32n), Number(plain & 0xffff_ffffn)),
  toPlain: ({ high, low }) => (BigInt(high) << 32n) + BigInt(low),
  compare: order,
}

test('u32 keys behave like a sorted array', () => {
  assert.ok(checkFamily(u32, 60) >= 3)
})

test('f64 keys behave like a sorted array', () => {
  assert.ok(checkFamily(f64, 60) >= 3)
})

test('u64 keys behave like a sorted array', () => {
  assert.ok(checkFamily(u64, 60) >= 3)
})

test.run()
