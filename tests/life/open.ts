/** A handle on a region with everything that has a name in it, in one version. */
import { ReadRegion, t, type Type } from '../../lib/index.js'
import { check, type Refs } from './compare.js'
import { inOrder, type Model, type Schema } from './model.js'
import { compareKeys, isBig, typeOf, type Spec } from './spec.js'
import * as assert from 'uvu/assert'

export interface Opened {
  readonly nodes: any
  readonly held: any
  readonly others: any
  readonly single: any
  readonly pairs: any
}

const KEY: Spec = { kind: 'u32' }

const nodeTypes = new WeakMap<Schema, Type<any>>()

/** The type of all records that refs lead to: one for each version. */
export function nodeType(schema: Schema): Type<any> {
  const known = nodeTypes.get(schema)
  if (known !== undefined) return known
  const type: Type<any> = typeOf(schema.node, () => type)
  nodeTypes.set(schema, type)
  return type
}

const NAMES: readonly (keyof Opened)[] = ['nodes', 'held', 'others', 'single', 'pairs']

/** Opening makes maps, but no values. */
const hasValue = (region: any, name: string): boolean => !(region instanceof ReadRegion)
  || region.names().some((one) => one.name === name)

export function openAll(region: any, schema: Schema, names = NAMES): Opened {
  const node = nodeType(schema)
  const of = (spec: Spec): Type<any> => typeOf(spec, () => node)
  const open: Record<keyof Opened, () => any> = {
    nodes: () => region.map('nodes', t.u32, node),
    held: () => region.map('held', t.u32, t.ref(() => node)),
    others: () => region.map('others', of(schema.otherKey), of(schema.other)),
    single: () => hasValue(region, 'single') ? region.value('single', of(schema.single))
      : { get: () => undefined },
    pairs: () => region.multimap('pairs', of(schema.pairs.key), of(schema.pairs.value)),
  }
  return Object.fromEntries(names.map((name) => [name, open[name]()])) as never
}

// ── indexes of the nodes ──

export interface IndexPlan {
  readonly name: string
  readonly by: string | readonly string[] | ((view: any) => unknown)
  readonly unique: boolean
  /** Of a function. */
  readonly key?: Type<any>
  readonly spec: Spec
  keyOf(value: any): unknown
}

const INDEXABLE = /^([ui](8|16|32|64)|f64|f32|bool|date|string|bytes|enum|tuple)$/

function bare(spec: Spec): Spec {
  return spec.kind === 'optional' || spec.kind === 'default' ? bare(spec.inner) : spec
}

const canBeKey = (spec: Spec): boolean => INDEXABLE.test(spec.kind)
  && (spec.kind !== 'tuple' || spec.parts.every((part) => canBeKey(part) && part.kind !== 'f32'))

function byPath(name: string, path: readonly string[], spec: Spec): IndexPlan {
  const keyOf = (value: any): unknown => path.reduce((inner, field) => inner?.[field], value)
  return { name, by: path.join('.'), unique: name === 'code', spec, keyOf }
}

/** All that records can be by; a later version has those of the earlier one, and more. */
export function indexesOf({ node }: Schema): IndexPlan[] {
  const plans: IndexPlan[] = []
  for (const [name, field] of node.fields) {
    const spec = bare(field)
    if (canBeKey(spec)) plans.push(byPath(name, [name], spec))
    if (spec.kind !== 'struct') continue
    for (const [inner, own] of spec.fields) {
      const innermost = bare(own)
      if (canBeKey(innermost)) plans.push(byPath(`${name}.${inner}`, [name, inner], innermost))
    }
  }
  const number = bare(node.fields[1]![1])
  plans.push({
    name: 'both', by: ['n', 'text'], unique: false,
    spec: { kind: 'tuple', parts: [number, { kind: 'string' }] },
    keyOf: ({ n, text }) => [n, text],
  }, {
    name: 'length', by: ({ text, words }) => text.length + words.size || undefined, unique: false,
    key: t.u32, spec: { kind: 'u32' },
    keyOf: ({ text, words }) => text.length + words.length || undefined,
  })
  return plans
}

export function declare(nodes: any, { name, by, unique, key }: IndexPlan): any {
  return nodes.index(name, by, key === undefined ? { unique } : { unique, key })
}

export function checkIndex(index: any, plan: IndexPlan, model: Model): void {
  const expected = [...model.nodes.values()]
    .map(({ key, value }) => [plan.keyOf(value), key])
    .filter(([by]) => by !== undefined)
    .sort(([a, i], [b, j]) => compareKeys(plan.spec, a, b) || i - j)
  check({ kind: 'array', inner: { kind: 'tuple', parts: [plan.spec, KEY] } },
    Array.from(index.entries(), ([by, key]: any) => [by, key]), expected, { now: new Map() },
    `index ${plan.name}`)
  if (expected.length === 0 || isBig(plan.spec.kind)) return
  const [by] = expected[expected.length >> 1]!
  assert.is(index.count({ gte: by, lte: by }),
    expected.filter(([other]) => compareKeys(plan.spec, by, other) === 0).length)
}

// ── all of it ──

/** The refs that records have now. */
export function refsNow(region: any, opened: Opened): Refs {
  const now = new Map<number, number>()
  for (const map of [opened.nodes, opened.held]) {
    for (const view of map.values()) now.set(view.id, region.refOf(view))
  }
  return { now, refOf: (view) => region.refOf(view), deref: (ref) => region.deref(ref) }
}

export function checkAll(opened: Opened, model: Model, schema: Schema, refs: Refs): void {
  const { nodes, held, others, single, pairs } = opened
  const entries = (map: any, key: Spec, value: Spec, own: Model['nodes'], name: string): void =>
    check({ kind: 'map', key, value }, map,
      inOrder(own, key).map(({ key, value }) => [key, value]), refs, name)
  entries(nodes, KEY, schema.node, model.nodes, 'nodes')
  entries(held, KEY, schema.node, model.held, 'held')
  entries(others, schema.otherKey, schema.other, model.others, 'others')
  check(schema.single, single.get(), model.single, refs, 'single')
  check(schema.pairs, pairs, model.pairs, refs, 'pairs')
}
