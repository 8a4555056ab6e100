/** Evacuation: the same graph comes out, whatever its shape; every byte is accounted for. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t, type BlockRegion, type Ref, type WritableRegion } from '../../lib/index.js'
import { verifyWhole } from '../harness/verify.js'
import { thrown, withRegion } from '../harness/with-region.js'
import { withPool } from './with-pool.js'

const test = suite('pool: evacuation')
const Node = t.struct('Node', { id: t.u32, a: t.optional(t.self), b: t.optional(t.self) })
const Rich: any = t.struct('Rich', {
  id: t.u32, text: t.string, data: t.bytes, json: t.json, next: t.optional(t.self),
  others: t.array(t.self), names: t.map(t.string, t.array(t.f64)), inner: t.map(t.u32, t.self),
  pairs: t.multimap(t.u32, t.string),
  at: t.struct('At', { x: t.f64, to: t.optional(t.ref((): any => Rich)) }),
  maybe: t.optional(t.tuple(t.string, t.u8)),
})

/** The ids of a graph in the order in which they are first met, and which ids they name. */
function shapeOf(root: any): string[] {
  const seen = new Map<number, number>([[root.id, 0]])
  const queue = [root]
  const shape: string[] = []
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    const named = [node.a, node.b].map((to) => {
      if (to === undefined) return '-'
      if (!seen.has(to.id)) {
        seen.set(to.id, seen.size)
        queue.push(to)
      }
      return String(seen.get(to.id))
    })
    shape.push(`${node.id}:${named.join()}`)
  }
  return shape
}

/** Nodes that name any others, themselves too. */
function build(region: WritableRegion, edges: readonly (readonly [number, number])[]): Ref<any> {
  const refs = edges.map((_, id) => region.alloc(Node, { id }))
  edges.forEach(([a, b], id) => {
    const node = region.deref(refs[id]!) as any
    if (a < refs.length) node.a = refs[a]
    if (b < refs.length) node.b = refs[b]
  })
  return refs[0]!
}

const edges = fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { minLength: 1, maxLength: 40 })

test('any graph: into a file, back, and between block regions', withRegion(async (place) => {
  await withPool(async (pool) => {
    const file = place.create({ capacity: '64MiB' })
    const roots = file.map('roots', t.u32, t.ref(() => Node))
    fc.assert(fc.property(edges, (graph) => {
      const [region, second] = [pool.region(), pool.region()]
      const root = build(region, graph)
      const shape = shapeOf(region.deref(root))
      const copy = second.deref(region.evacuate(second, root))
      assert.equal(shapeOf(copy), shape)
      file.transact(() => roots.set(1, second.evacuate(file, second.refOf(copy))))
      second.free()
      const third = pool.region({ bound: '32KiB' })
      file.read(() => assert.equal(shapeOf(roots.get(1)), shape))
      file.transact(() => assert.equal(
        shapeOf(third.deref(file.evacuate(third, file.refOf(roots.get(1)!)))), shape))
      third.free()
      region.free()
      file.transact(() => free(file, roots.get(1)))
    }), { numRuns: 40 })
  })()
}))

/** Frees all nodes that one reaches. */
function free(region: Region, root: any): void {
  const refs = new Map<number, any>()
  const queue = [root]
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (refs.has(region.refOf(node))) continue
    refs.set(region.refOf(node), node)
    for (const to of [node.a, node.b]) if (to !== undefined) queue.push(to)
  }
  region.map('roots', t.u32, t.ref(() => Node)).delete(1)
  for (const ref of refs.keys()) region.free(ref as never)
}

function fillRich(region: BlockRegion): void {
  const all = region.map('all', t.string, Rich)
  all.index('id', 'id', { unique: true })
  for (let id = 0; id < 500; id++) {
    all.set(`key ${'long '.repeat(id % 400)}${id}`, {
      id, text: 'text '.repeat(id % 30), data: new Uint8Array(id), json: { id, list: [1, id] },
      others: [], names: [['n', [id, 0.5]], [`m${id}`, []]], inner: [],
      pairs: [[1, 'a'], [1, 'b'], [id, 'c']], at: { x: id / 3 },
      maybe: id % 2 ? ['z', 7] : undefined,
    } as never)
  }
  const records = [...all.values()] as any[]
  records.forEach((record, i) => {
    record.next = records[(i * 7) % 500]
    record.others = [records[(i + 1) % 500], records[0]]
    record.inner.set(i, records[499 - i])
    record.at = { x: record.at.x, to: records[i] }
  })
  region.value('first', t.ref(() => Rich)).set(records[3])
  const big = region.map('big', t.u64, t.u32)
  for (let i = 0n; i < 5000n; i++) big.set(i * 3n, Number(i))
  const pairs = region.multimap('pairs', t.string, t.u32)
  for (let i = 0; i < 3000; i++) pairs.add(`k${i % 50}`, i)
}

function checkRich(region: WritableRegion): void {
  const all = region.map('all', t.string, Rich)
  assert.is(all.size, 500)
  let i = 0
  const records = [...all.values()] as any[]
  for (const record of records) {
    assert.is(record.text, 'text '.repeat(record.id % 30))
    assert.is(record.data.length, record.id)
    assert.equal(record.json, { id: record.id, list: [1, record.id] })
    assert.is(record.next.id, records[(i * 7) % 500].id)
    assert.is(record.others[1].id, records[0].id)
    assert.is(record.inner.get(i).id, records[499 - i].id)
    assert.is(record.at.to.id, record.id)
    assert.equal([...record.names.get('n')], [record.id, 0.5])
    assert.is(record.pairs.countOf(1) >= 2, true)
    assert.equal(record.maybe, record.id % 2 ? ['z', 7] : undefined)
    const index = all.index('id', 'id', { unique: true })
    const [found] = index.values({ gte: record.id, limit: 1 }) as any
    assert.is(found.text, record.text)
    i++
  }
  assert.is((region.value('first', t.ref(() => Rich)).get() as any).id, records[3].id)
  assert.is(region.map('big', t.u64, t.u32).get(2997n), 999)
  assert.is(region.multimap('pairs', t.string, t.u32).countOf('k7'), 60)
}

test('everything that has a name, of every type', withRegion(async (place) => {
  await withPool(async (pool) => {
    const region = pool.region()
    fillRich(region)
    checkRich(region)
    const file = place.create({ capacity: '64MiB' })
    file.transact(() => region.evacuate(file))
    region.free()
    await verifyWhole(file)
    file.read(() => checkRich(file))
    file.transact(() => {
      file.map('all', t.string, Rich).clear()
      file.value('first', t.ref(() => Rich)).delete()
    })
    await verifyWhole(file)
    const sealed = pool.region()
    fillRich(sealed)
    const reader = sealed.seal()
    const again = pool.region()
    reader.evacuate(again)
    checkRich(again)
    thrown('RSTORE_EXISTS', () => reader.evacuate(again))
    thrown('RSTORE_NOT_IN_TRANSACTION', () => again.evacuate(file))
    reader.free()
    again.free()
  })()
}))

test('a million records, shared and in cycles', withRegion(async (place) => {
  await withPool(async (pool) => {
    const count = 1_000_000
    const region = pool.region()
    const refs = new Uint32Array(count)
    for (let id = 0; id < count; id++) {
      const a = refs[id - 1] || undefined
      const b = refs[(id * 7919) % Math.max(1, id)] || undefined
      refs[id] = region.alloc(Node, { id, a, b } as never)
    }
    const first = region.deref(refs[0] as never) as any
    first.a = refs[count - 1]
    const file = place.create({ capacity: '256MiB' })
    const root = file.value('root', t.ref(() => Node))
    file.transact(() => root.set(region.evacuate(file, refs[count - 1] as never) as never))
    region.free()
    file.read(() => {
      let node = root.get() as any
      for (let id = count - 1; id >= 0; id--) {
        const b = id === 0 ? undefined : (id * 7919) % id
        if (node.id !== id || node.b?.id !== b) assert.unreachable(`node ${id}`)
        node = node.a
      }
      assert.is(node.id, count - 1, 'the cycle')
    })
    const { ok, bytes } = await file.verify()
    assert.ok(ok)
    const { allocatedBytes, freeBytes } = file.stats()
    assert.equal(bytes, { live: allocatedBytes, free: freeBytes, leaked: 0, unknown: 0 })
  })()
}))

test('a full region is evacuated into one of a larger capacity, as its error says',
  withRegion((place) => {
    const full = place.create({ capacity: '1MiB', durability: 'none' })
    const map = full.map('m', t.u32, t.string)
    const error = thrown('RSTORE_REGION_FULL', () => {
      for (let i = 0; ; i++) full.transact(() => map.set(i, `${i} `.repeat(100)))
    })
    assert.match(error.message, /evacuate it into one of a larger capacity/)
    const larger = place.create({ capacity: '2MiB', durability: 'none' }, 'larger')
    larger.transact(() => full.evacuate(larger))
    const copy = larger.map('m', t.u32, t.string)
    assert.equal([...copy], [...map])
    larger.transact(() => copy.set(copy.size, 'one more'))
  }))

test.run()
