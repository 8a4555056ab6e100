import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Infer, type InferInput } from '../../lib/types/index.js'
import { refuses, roundTrip, sameType } from '../harness/types.js'

const test = suite('types: bigint, bool, date, enum')

const Colour = t.enum('red', 'green', 'blue')
sameType<Infer<typeof t.u64>, bigint>(true)
sameType<Infer<typeof t.bool>, boolean>(true)
sameType<InferInput<typeof t.date>, Date>(true)
sameType<Infer<typeof Colour>, 'red' | 'green' | 'blue'>(true)

test('u64 and i64 hold exactly 64 bits', () => {
  for (const value of [0n, 1n, 2n ** 63n, 2n ** 64n - 1n]) assert.is(roundTrip(t.u64, value), value)
  for (const value of [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)])
    assert.is(roundTrip(t.i64, value), value)
  refuses(t.u64, -1n, RangeError, /not a u64/)
  refuses(t.u64, 2n ** 64n, RangeError, /64 bits/)
  refuses(t.i64, 2n ** 63n, RangeError, /not a i64/)
  refuses(t.i64, 1, TypeError, /expected a bigint/)
})

test('bool holds true and false', () => {
  assert.is(roundTrip(t.bool, true), true)
  assert.is(roundTrip(t.bool, false), false)
  refuses(t.bool, 1, TypeError, /expected true or false, got 1/)
})

test('date holds milliseconds', () => {
  for (const ms of [0, -1, 1_763_700_000_123, 8.64e15]) {
    assert.equal(roundTrip(t.date, new Date(ms)), new Date(ms))
  }
  refuses(t.date, new Date(NaN), TypeError, /valid Date/)
  refuses(t.date, 0, TypeError, /valid Date/)
})

test('enum holds its labels', () => {
  for (const label of ['red', 'green', 'blue'] as const) assert.is(roundTrip(Colour, label), label)
  refuses(Colour, 'yellow', TypeError, /one of "red", "green", "blue", got "yellow"/)
  refuses(Colour, 0, TypeError, /one of/)
  refuses(Colour, 'constructor', TypeError, /one of/)
  assert.throws(() => t.enum(), /0 labels/)
  assert.throws(() => t.enum('a', 'a'), /twice/)
  assert.throws(() => t.enum(1 as never), /must be a string/)
})

test.run()
