/** Random ways of reading, beside iteration over everything. */
import * as assert from 'uvu/assert'
import { check, type Refs } from './compare.js'
import { inOrder, type Entry, type Model, type Schema } from './model.js'
import type { Opened } from './open.js'
import { compareKeys, isBig, one, valueOf, type Random, type Spec } from './spec.js'

const KEY: Spec = { kind: 'u32' }

interface Bounds { gt?: any; gte?: any; lt?: any; lte?: any; limit?: number; reverse?: boolean }

function boundsOf(key: Spec, entries: readonly Entry[], random: Random): Bounds {
  const end = (): any => entries.length > 0 && random(2) === 0
    ? one(random, entries).key : valueOf(key, random, () => undefined)
  const bounds: Bounds = {}
  if (random(3) > 0) bounds[random(2) === 0 ? 'gt' : 'gte'] = end()
  if (random(3) > 0) bounds[random(2) === 0 ? 'lt' : 'lte'] = end()
  if (random(3) === 0) bounds.limit = random(5)
  if (random(2) === 0) bounds.reverse = true
  return bounds
}

function within(key: Spec, entries: readonly Entry[], bounds: Bounds): Entry[] {
  const { gt, gte, lt, lte, limit = Infinity, reverse = false } = bounds
  const found = entries.filter(({ key: own }) =>
    (gt === undefined || compareKeys(key, own, gt) > 0)
    && (gte === undefined || compareKeys(key, own, gte) >= 0)
    && (lt === undefined || compareKeys(key, own, lt) < 0)
    && (lte === undefined || compareKeys(key, own, lte) <= 0))
  if (reverse) found.reverse()
  return found.slice(0, limit)
}

function readMap(
  map: any, key: Spec, value: Spec, entries: readonly Entry[], random: Random, refs: Refs,
): void {
  const pair: Spec = { kind: 'array', inner: { kind: 'tuple', parts: [key, value] } }
  const bounds = boundsOf(key, entries, random)
  const found = within(key, entries, bounds)
  check(pair, [...map.range(bounds)], found.map((entry) => [entry.key, entry.value]), refs, 'range')
  const { limit: _limit, reverse: _reverse, ...ends } = bounds
  assert.is(map.count(ends), within(key, entries, ends).length)
  if (entries.length === 0) return
  const some = Array.from({ length: random(6) }, () => one(random, entries))
  check({ kind: 'array', inner: value }, map.getMany(some.map(({ key: own }) => own)),
    some.map(({ value: own }) => own), refs, 'getMany')
  const { key: own, value: there } = one(random, entries)
  check(value, map.getObject(own), there, refs, 'getObject')
  const view = map.get(own)
  const copy = map.getObject(own)
  if (typeof view?.equals === 'function' && typeof copy !== 'number') {
    assert.ok(view.equals(copy), 'equals')
  }
  check(key, map.last()[0], entries.at(-1)!.key, refs, 'last')
}

export function readSome(
  { nodes, others, pairs }: Opened, model: Model, schema: Schema, random: Random, refs: Refs,
): void {
  const all = inOrder(model.nodes, KEY)
  readMap(nodes, KEY, schema.node, all, random, refs)
  readMap(others, schema.otherKey, schema.other, inOrder(model.others, schema.otherKey), random,
    refs)
  const number = schema.node.fields[1]![1]
  if (!isBig(number.kind) && all.length > 0) {
    const keys = Array.from({ length: 3 }, () => one(random, all).key as number)
    const { values } = nodes.getColumn(new Uint32Array(keys), 'n')
    assert.equal([...values], keys.map((key) => all.find((entry) => entry.key === key)!.value.n))
  }
  if (model.pairs.length === 0) return
  const [key] = one(random, model.pairs) as [any]
  const own = model.pairs.filter(([other]) => compareKeys(schema.pairs.key, key, other) === 0)
  assert.is(pairs.countOf(key), own.length)
  check({ kind: 'array', inner: schema.pairs.value }, [...pairs.valuesOf(key)],
    own.map(([, value]) => value), refs, 'valuesOf')
}
