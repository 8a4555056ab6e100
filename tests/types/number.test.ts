import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Infer, type InferInput, type Type } from '../../lib/types/index.js'
import { refuses, roundTrip, sameType } from '../harness/types.js'

const test = suite('types: numbers')

sameType<Infer<typeof t.u8>, number>(true)
sameType<InferInput<typeof t.f64>, number>(true)

const integers: [Type<number>, number, number][] = [
  [t.u8, 0, 255], [t.i8, -128, 127], [t.u16, 0, 65535], [t.i16, -32768, 32767],
  [t.u32, 0, 2 ** 32 - 1], [t.i32, -(2 ** 31), 2 ** 31 - 1],
]

for (const [type, low, high] of integers) {
  test(`${type.kind} holds exactly ${low} to ${high}`, () => {
    for (const value of [low, low + 1, 0, high - 1, high]) assert.is(roundTrip(type, value), value)
    for (const value of [low - 1, high + 1, 0.5, NaN, Infinity]) {
      refuses(type, value, RangeError, new RegExp(`not a ${type.kind}`))
    }
    for (const value of ['1', 1n, null, undefined, {}])
      refuses(type, value, TypeError, /expected a number/)
  })
}

test('f64 holds every number, f32 the nearest of its own', () => {
  for (const value of [0, -0, 1.5, -1e308, 5e-324, Infinity, -Infinity, NaN]) {
    assert.ok(Object.is(roundTrip(t.f64, value), value), String(value))
    assert.ok(Object.is(roundTrip(t.f32, value), Math.fround(value)), String(value))
  }
  fc.assert(
    fc.property(fc.double(), (value) => Object.is(roundTrip(t.f64, value), value)),
    { numRuns: 20 },
  )
  refuses(t.f64, '1', TypeError, /expected a number \(f64\)/)
  refuses(t.f32, 1n, TypeError, /expected a number \(f32\)/)
})

test.run()
