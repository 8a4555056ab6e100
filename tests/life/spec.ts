/**
 * What a region of these tests may have in it: types as plain data, so that a model can have the
 * values, and a later version of a type can be made of an earlier one.
 */
import { t, type Type } from '../../lib/index.js'
import { Link } from '../store/shapes.js'
import { widens } from '../../lib/types/number/number.js'

export type Random = (below: number) => number

export type Spec =
  | { readonly kind: Simple }
  | { readonly kind: 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'optional' | 'array'; readonly inner: Spec }
  | { readonly kind: 'default'; readonly inner: Spec; readonly value: unknown }
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly Field[] }
  | { readonly kind: 'tuple'; readonly parts: readonly Spec[] }
  | { readonly kind: 'map'; readonly key: Spec; readonly value: Spec }
  | { readonly kind: 'multimap'; readonly key: Spec; readonly value: Spec }
  /** To a record of the one type that refs lead to. */
  | { readonly kind: 'ref' }
  /** To a packed region. */
  | { readonly kind: 'packed' }
export type StructSpec = Spec & { kind: 'struct' }
export type Field = readonly [name: string, spec: Spec]

const NUMBERS = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'f64', 'u64', 'i64'] as const
const OTHERS = ['bool', 'date', 'string', 'bytes', 'json'] as const
export type Simple = (typeof NUMBERS)[number] | (typeof OTHERS)[number]

/** A ref in the model: the record that it leads to. */
export interface RecordLink { readonly id: number }
/** What names a packed region. */
export interface Pack { readonly pack: number }

export const one = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]!

export const isNumber = (kind: string): boolean => (NUMBERS as readonly string[]).includes(kind)
export const isBig = (kind: string): boolean => kind === 'u64' || kind === 'i64'

// ── types of them ──

/** @param target the type that refs lead to */
export function typeOf(spec: Spec, target: () => Type<any>): Type<any> {
  const of = (inner: Spec): Type<any> => typeOf(inner, target)
  switch (spec.kind) {
    case 'enum': return t.enum(...spec.labels)
    case 'optional': return t.optional(of(spec.inner))
    case 'default': return t.default(of(spec.inner), spec.value)
    case 'array': return t.array(of(spec.inner))
    case 'struct': return t.struct(spec.name,
      Object.fromEntries(spec.fields.map(([name, field]) => [name, of(field)])))
    case 'tuple': return t.tuple(...spec.parts.map(of))
    case 'map': return t.map(of(spec.key), of(spec.value))
    case 'multimap': return t.multimap(of(spec.key), of(spec.value))
    case 'ref': return t.ref(target)
    case 'packed': return t.packed(Link)
    default: return t[spec.kind]
  }
}

// ── random ones ──

const LABELS = ['red', 'green', 'blue', 'a longer label', '$id', '']

export function keySpec(random: Random): Spec {
  if (random(4) > 0) return keyPart(random)
  return { kind: 'tuple', parts: Array.from({ length: 1 + random(3) }, () => keyPart(random)) }
}

function keyPart(random: Random): Spec {
  const kind = one(random, ['u8', 'i16', 'u32', 'i32', 'f64', 'u64', 'i64', 'bool', 'date',
    'string', 'string', 'bytes', 'enum'] as const)
  return kind === 'enum' ? { kind, labels: LABELS.slice(0, 2) } : { kind }
}

function scalarSpec(random: Random): Spec {
  const kind = one(random, [...NUMBERS, 'bool', 'date', 'string', 'string', 'enum'] as const)
  return kind === 'enum' ? { kind, labels: LABELS.slice(0, 2 + random(2)) } : { kind }
}

let structs = 0

/** Refs are only where they can be taken out again. */
export function valueSpec(random: Random, depth: number, isInStore = false): Spec {
  const inner = (): Spec => valueSpec(random, depth - 1, isInStore)
  if (isInStore && random(4) === 0) return packedSpec(random)
  const kinds = depth <= 0 ? ['scalar', 'bytes', 'json'] as const
    : ['scalar', 'bytes', 'json', 'optional', 'default', 'struct', 'tuple', 'array', 'numbers',
      'map', 'multimap', 'ref', 'refs', 'refMap', 'refTuple'] as const
  const kind = one(random, kinds)
  switch (kind) {
    case 'scalar': return scalarSpec(random)
    case 'optional': {
      const what = inner()
      return what.kind === 'optional' || what.kind === 'default' ? what : { kind, inner: what }
    }
    case 'default': return withDefault(random)
    case 'struct': return structSpec(random, depth - 1, isInStore)
    case 'tuple': return { kind, parts: Array.from({ length: 1 + random(3) }, inner) }
    case 'array': return { kind, inner: inner() }
    case 'numbers': return { kind: 'array', inner: { kind: one(random, NUMBERS) } }
    case 'map': return { kind, key: keySpec(random), value: inner() }
    case 'multimap': return { kind, key: keySpec(random), value: keySpec(random) }
    case 'ref': return { kind: 'optional', inner: { kind } }
    case 'refs': return { kind: 'array', inner: { kind: 'ref' } }
    case 'refMap': return { kind: 'map', key: keySpec(random), value: { kind: 'ref' } }
    case 'refTuple': return { kind: 'optional',
      inner: { kind: 'tuple', parts: [{ kind: 'u8' }, { kind: 'ref' }] } }
    default: return { kind }
  }
}

function withDefault(random: Random): Spec {
  const inner = scalarSpec(random)
  const value = valueOf(inner, random, () => undefined)
  return { kind: 'default', inner, value: value === Infinity || value === -Infinity ? 5 : value }
}

function packedSpec(random: Random): Spec {
  const packed: Spec = { kind: 'packed' }
  return one<Spec>(random, [
    { kind: 'optional', inner: packed }, { kind: 'array', inner: packed },
    { kind: 'map', key: { kind: 'u8' }, value: packed },
    { kind: 'optional', inner: { kind: 'tuple', parts: [{ kind: 'u8' }, packed] } },
  ])
}

export function structSpec(random: Random, depth: number, isInStore = false): StructSpec {
  const fields = Array.from({ length: 1 + random(4) }, (_, i): Field =>
    [`f${i}`, valueSpec(random, depth, isInStore)])
  return { kind: 'struct', name: `S${structs++}`, fields }
}

// ── later versions ──

/** What is stored as one of them can be read as a later one. */
export function laterOf(spec: Spec, random: Random, inLeaf = false): Spec {
  const of = (inner: Spec): Spec => laterOf(inner, random)
  switch (spec.kind) {
    case 'enum': return random(3) > 0 ? spec
      : { ...spec, labels: LABELS.slice(0, Math.min(spec.labels.length + 1, LABELS.length)) }
    case 'optional': case 'array': return { ...spec, inner: of(spec.inner) }
    case 'default': return { ...spec, ...laterDefault(spec, of(spec.inner)) }
    case 'struct': return { ...spec, fields: [
      ...spec.fields.map(([name, field]): Field => [name, of(field)]),
      ...Array.from({ length: random(3) }, (_, i): Field =>
        [`f${spec.fields.length}_${i}`, addedSpec(random)]),
    ] }
    case 'tuple': return { ...spec, parts: spec.parts.map(of) }
    case 'map': return { ...spec, value: laterOf(spec.value, random, true) }
    default: {
      const wider = NUMBERS.filter((kind) => widens(spec.kind, kind)
        && (!inLeaf || (FOUR_BYTES.test(kind) && FOUR_BYTES.test(spec.kind))))
      return wider.length === 0 || random(3) > 0 ? spec : { kind: one(random, wider) }
    }
  }
}

const FOUR_BYTES = /^[ui](8|16|32)$/

const laterDefault = (spec: Spec & { kind: 'default' }, inner: Spec): object =>
  ({ inner, value: brought(spec.value, spec.inner, inner) })

function addedSpec(random: Random): Spec {
  if (random(2) === 0) return withDefault(random)
  const inner = valueSpec(random, 1)
  return inner.kind === 'optional' || inner.kind === 'default' ? inner : { kind: 'optional', inner }
}

/** A value of one version as a later one has it. */
export function brought(value: any, from: Spec, to: Spec): any {
  if (value === undefined) return to.kind === 'default' ? to.value : undefined
  if (from.kind === 'struct' && to.kind === 'struct') {
    return Object.fromEntries(to.fields.map(([name, field], i) => {
      const earlier = from.fields[i]
      return [name, earlier === undefined ? brought(undefined, field, field)
        : brought(value[name], earlier[1], field)]
    }))
  }
  if (from.kind === 'tuple' && to.kind === 'tuple') {
    return value.map((part: unknown, i: number) => brought(part, from.parts[i]!, to.parts[i]!))
  }
  if (from.kind === 'map' && to.kind === 'map') {
    return value.map(([key, own]: [unknown, unknown]) => [key, brought(own, from.value, to.value)])
  }
  if (from.kind === 'array' && to.kind === 'array') {
    return value.map((part: unknown) => brought(part, from.inner, to.inner))
  }
  if ((from.kind === 'optional' && to.kind === 'optional')
    || (from.kind === 'default' && to.kind === 'default')) {
    return brought(value, from.inner, to.inner)
  }
  return isBig(to.kind) && !isBig(from.kind) ? BigInt(value) : value
}

// ── values ──

/** A random record or packed region, if there is any. */
export type SomeLink = (kind: 'ref' | 'packed') => RecordLink | Pack | undefined

const RANGES = {
  u8: [0, 0xff], i8: [-0x80, 0x7f], u16: [0, 0xffff], i16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff], i32: [-0x8000_0000, 0x7fff_ffff],
} as const
const CHARACTERS = ['a', 'b', 'z', 'é', '語', '😀', '\n', '"', '\\', '\0', '$']

function textOf(random: Random): string {
  const length = one(random, [0, 1, 5, 12, 30, 200, random(5000)])
  return Array.from({ length: 1 + random(4) }, () => one(random, CHARACTERS)).join('')
    .repeat(length).slice(0, length).replace(/[\ud800-\udbff]$/, '')
}

function numberOf(kind: Simple, random: Random): unknown {
  if (kind in RANGES) {
    const [low, high] = RANGES[kind as keyof typeof RANGES]
    return one(random, [low, high, low + random(high - low + 1), Math.max(low, random(100))])
  }
  if (kind === 'f32') return one(random, [0, -1.5, random(1000) / 8, -Infinity])
  if (kind === 'f64') return one(random, [0, 0.1, -1e300, random(1000), Infinity])
  const big = one(random, [0n, BigInt(random(1e9)), 2n ** 63n - 1n, 2n ** 53n + 1n])
  return kind === 'i64' && random(2) === 0 ? -big : big
}

const bytesOf = (random: Random): Uint8Array => {
  const length = one(random, [0, 3, 40, random(6000)])
  const first = random(256)
  return Uint8Array.from({ length }, (_, i) => first + i * 7)
}

const jsonOf = (random: Random): unknown => one(random, [
  null, true, 5, 'text', [1, [2, 'x']], { a: 1, b: { c: [null] } },
  { $id: 3, text: textOf(random) },
])

/** In the order of their keys, each once. */
export function sortedPairs(spec: Spec & { kind: 'map' | 'multimap' }, pairs: any[][]): any[][] {
  const order = (a: any[], b: any[]): number => compareKeys(spec.key, a[0], b[0])
    || (spec.kind === 'map' ? 0 : compareKeys(spec.value, a[1], b[1]))
  const sorted = [...pairs].sort(order)
  return sorted.filter((pair, i) => i + 1 === sorted.length || order(pair, sorted[i + 1]!) !== 0)
}

function listOf<T>(random: Random, make: () => T, longest: number): T[] {
  return Array.from({ length: one(random, [0, 1, 2, random(longest + 1)]) }, make)
}

export function valueOf(spec: Spec, random: Random, link: SomeLink): any {
  const of = (inner: Spec): any => valueOf(inner, random, link)
  switch (spec.kind) {
    case 'bool': return random(2) === 0
    case 'date': return new Date(one(random, [0, -86_400_000, random(2 ** 31) * 1000]))
    case 'string': return textOf(random)
    case 'bytes': return bytesOf(random)
    case 'json': return jsonOf(random)
    case 'enum': return one(random, spec.labels)
    case 'optional': {
      if (random(3) === 0) return undefined
      const value = of(spec.inner)
      return isWhole(value) ? value : undefined
    }
    case 'default': return of(spec.inner)
    case 'struct':
      return Object.fromEntries(spec.fields.map(([name, field]) => [name, of(field)]))
    case 'tuple': return spec.parts.map(of)
    case 'array': {
      const longest = isNumber(spec.inner.kind) ? one(random, [10, 3000]) : 5
      return listOf(random, () => of(spec.inner), longest).filter(isWhole)
    }
    case 'map': case 'multimap': {
      const longest = random(20) === 0 ? 60 : 5
      return sortedPairs(spec, listOf(random, () => [of(spec.key), of(spec.value)], longest)
        .filter(isWhole))
    }
    case 'ref': case 'packed': return link(spec.kind) ?? NO_RECORD
    default: return numberOf(spec.kind, random)
  }
}

/** In place of a ref as long as there is no record. */
const NO_RECORD = Symbol('no record')
const isWhole = (value: unknown): boolean =>
  value !== NO_RECORD && !(Array.isArray(value) && value.includes(NO_RECORD))

// ── keys ──

const bytesOfKey = (key: unknown): Uint8Array =>
  typeof key === 'string' ? Buffer.from(key) : key as Uint8Array

export function compareKeys(spec: Spec, a: any, b: any): number {
  switch (spec.kind) {
    case 'string': case 'bytes': return Buffer.compare(bytesOfKey(a), bytesOfKey(b))
    case 'enum': return spec.labels.indexOf(a) - spec.labels.indexOf(b)
    case 'tuple': {
      for (const [i, part] of spec.parts.entries()) {
        const order = compareKeys(part, a[i], b[i])
        if (order !== 0) return order
      }
      return 0
    }
    default: return a < b ? -1 : a > b ? 1 : 0
  }
}
