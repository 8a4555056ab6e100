/**
 * What another realm made. Dates, bytes and keys of one were refused as objects "of class Date";
 * worse, t.json stored its Maps, Sets, bytes and errors as {}, as it did what extends Map.
 */
import { createContext, runInContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Type } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { refuses, roundTrip } from '../harness/types.js'

const test = suite('types: values of another realm')

const context = createContext()
const made = (code: string): unknown => runInContext(`(${code})`, context)

const VALUES: readonly [type: Type<any, any>, code: string, read: unknown][] = [
  [t.date, 'new Date(5)', new Date(5)],
  [t.bytes, 'new Uint8Array([1, 2])', new Uint8Array([1, 2])],
  [t.array(t.u32), 'new Uint32Array([1, 2])', new Uint32Array([1, 2])],
  [t.tuple(t.date, t.bytes), '[new Date(5), new Uint8Array([1])]',
    [new Date(5), new Uint8Array([1])]],
  [t.map(t.string, t.date), 'new Map([["a", new Date(5)]])', new Map([['a', new Date(5)]])],
  [t.json, '[new Date(5), new Map([["a", 1]]), new Set([1]), new Uint8Array([1])]',
    [new Date(5), { a: 1 }, new Set([1]), new Uint8Array([1])]],
  [t.json, '[/x/g, [{ b: 1 }]]', [/x/g, [{ b: 1 }]]],
  [t.json, 'new Float32Array([1.5])', new Float32Array([1.5])],
]

test('are stored as those of this one are', () => {
  for (const [type, code, read] of VALUES) {
    assert.equal(roundTrip(type, made(code)), read, code)
  }
  const error = roundTrip(t.json, made('new RangeError("no", { cause: "why" })')) as Error
  assert.equal([error.name, error.message, error.cause], ['RangeError', 'no', 'why'])
  refuses(t.date, made('new Date(NaN)'), TypeError, /expected a valid Date/)
  refuses(t.json, made('new Map([["__proto__", 1]])'), TypeError, /cannot hold a field/)
})

test('are keys, also of an index by a function', () => {
  const region = new MemoryRegion(2 ** 22)
  for (const [type, code] of [[t.date, 'new Date(5)'], [t.bytes, 'new Uint8Array([1])']] as const) {
    const map = region.map(code, type as Type<unknown>, t.u32)
    const index = map.index('by', () => made(code) as Date)
    region.transact(() => map.set(made(code), 1))
    assert.is(map.get(made(code)), 1)
    assert.is(index.get(made(code) as Date), 1)
  }
})

test('t.json: a class that extends Map has its entries, or what its toJSON gives', () => {
  class Counts extends Map<string, number> {}
  class Shown extends Map<string, number> {
    toJSON(): string {
      return 'shown'
    }
  }
  assert.equal(roundTrip(t.json, [new Counts([['a', 1]])]), [{ a: 1 }])
  assert.equal(roundTrip(t.json, [new Shown([['a', 1]])]), ['shown'])
})

test.run()
