/** Random types with random values for them. */
import fc from 'fast-check'
import { t, type Type } from '../../lib/index.js'

export interface Shape {
  type: Type<any, any>
  /** What writing takes. */
  value: fc.Arbitrary<any>
  /** Whether it can be a key. */
  isKey: boolean
}

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const finite = fc.double({ noNaN: true })
const integers = (low: number, high: number) => fc.integer({ min: low, max: high })
const bytes = fc.uint8Array({ maxLength: 9 })
const someDate = fc.date({ noInvalidDate: true })
/** t.json refuses fields that are called __proto__, which fast-check likes. */
const anyJson = fc.anything({
  withBigInt: false, withDate: false, maxDepth: 2,
  values: [fc.boolean(), fc.integer(), text, fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0)),
    fc.bigInt({ min: 2n ** 33n, max: 2n ** 63n - 1n })],
  key: fc.oneof(text.filter((name) => name !== '__proto__'),
    fc.constantFrom('$bytes', '$id', '$$', 'a')),
}).filter((value) => value !== undefined)

/** A map's codec takes -0 for 0. */
const keyOf = (value: fc.Arbitrary<number>) => value.map((x) => x + 0)

const scalars: Shape[] = [
  { type: t.u8, value: integers(0, 255), isKey: true },
  { type: t.i16, value: integers(-32768, 32767), isKey: true },
  { type: t.u32, value: integers(0, 2 ** 32 - 1), isKey: true },
  { type: t.i32, value: integers(-(2 ** 31), 2 ** 31 - 1), isKey: true },
  { type: t.f32, value: fc.float(), isKey: false },
  { type: t.f64, value: fc.double(), isKey: false },
  { type: t.f64, value: keyOf(finite), isKey: true },
  { type: t.u64, value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), isKey: true },
  { type: t.i64, value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), isKey: true },
  { type: t.bool, value: fc.boolean(), isKey: true },
  { type: t.date, value: someDate, isKey: true },
  { type: t.string, value: text, isKey: true },
  { type: t.bytes, value: bytes, isKey: true },
  { type: t.enum('red', '$id', '\u001b[31m'),
    value: fc.constantFrom('red', '$id', '\u001b[31m'), isKey: true },
  { type: t.json, value: anyJson, isKey: false },
]

const scalar = fc.constantFrom(...scalars)
const key = fc.constantFrom(...scalars.filter(({ isKey }) => isKey))

export const keyShape: fc.Arbitrary<Shape> = fc.oneof(
  { weight: 4, arbitrary: key },
  { weight: 1, arbitrary: fc.array(key, { minLength: 1, maxLength: 3 }).map(tuple) },
).map((one) => shown(one))

function tuple(shapes: Shape[]): Shape {
  return {
    type: t.tuple(...shapes.map(({ type }) => type)),
    value: fc.tuple(...shapes.map(({ value }) => value)),
    isKey: shapes.every(({ isKey }) => isKey),
  }
}

const fieldName = fc.constantFrom('a', 'b', 'c', '$id', '$ref', '$$', '__proto__', 'constructor')

function struct(fields: [string, Shape][]): Shape {
  const type = t.struct('S', Object.fromEntries(fields.map(([name, shape]) => [name, shape.type])))
  const value = fc.tuple(...fields.map(([, shape]) => shape.value)).map((values) => {
    const record = {}
    fields.forEach(([name], i) => Object.defineProperty(record, name,
      { value: values[i], enumerable: true, writable: true, configurable: true }))
    return record
  })
  return { type, value, isKey: false }
}

const optional = ({ type, value }: Shape): Shape =>
  ({ type: t.optional(type), value: fc.option(value, { nil: undefined }), isKey: false })

const list = ({ type, value }: Shape): Shape =>
  ({ type: t.array(type), value: fc.array(value, { maxLength: 4 }), isKey: false })

const map = ([k, v]: [Shape, Shape]): Shape => ({
  type: t.map(k.type, v.type),
  value: fc.array(fc.tuple(k.value, v.value), { maxLength: 4 }),
  isKey: false,
})

const multimap = ([k, v]: [Shape, Shape]): Shape => ({
  type: t.multimap(k.type, v.type),
  value: fc.array(fc.tuple(k.value, v.value), { maxLength: 4 }),
  isKey: false,
})

const withDefault = fc.constant<Shape>({
  type: t.default(t.u64, 7n), value: fc.option(fc.bigInt({ min: 0n, max: 9n }), { nil: undefined }),
  isKey: false,
})

/** So that what fast-check prints is the descriptor. */
const shown = (one: Shape): Shape => Object.assign(one, {
  [fc.toStringMethod]: () => (one.type as unknown as { descriptorText: string }).descriptorText,
})

export const shape: fc.Arbitrary<Shape> = fc.letrec<{ any: Shape; bare: Shape }>((tie) => ({
  any: fc.oneof({ maxDepth: 3 }, tie('bare'), tie('bare').map(optional)),
  bare: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.uniqueArray(fc.tuple(fieldName, fc.oneof(tie('any'), withDefault)),
      { selector: ([name]) => name, maxLength: 4 }).map(struct),
    fc.array(tie('any'), { minLength: 1, maxLength: 3 }).map(tuple),
    tie('any').map(list),
    fc.tuple(keyShape, tie('any')).map(map),
    fc.tuple(keyShape, keyShape).map(multimap),
  ),
})).any.map(shown)
