/** What `free` may free, and what belongs to somebody: lib/types/unowned.ts. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, t, type Ref } from '../../lib/index.js'
import { verifySession } from '../../lib/map/verify/verify.js'
import { setUnowned } from '../../lib/types/unowned.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { dumpOf, loadInto } from '../harness/dump.js'
import { codeOf } from '../harness/types.js'
import { verifyWhole } from '../harness/verify.js'
import { withRegion } from '../harness/with-region.js'
import { withPool } from '../pool/with-pool.js'

const test = suite('region: what nothing owns')

const Node = t.struct('Node', { text: t.string, next: t.optional(t.self) })
const Holder = t.struct('Holder', { node: t.optional(t.ref(() => Node)) })

/** A record of a map that names one that nothing owns, and is named by it. */
function fill(region: Pick<Region, 'map' | 'value' | 'alloc' | 'deref' | 'refOf'>) {
  const nodes = region.map('nodes', t.u32, Node)
  const free = region.alloc(Node, { text: 'free' })
  nodes.set(1, { text: 'owned', next: free })
  const owned = region.refOf(nodes.get(1)!)
  region.deref(free).next = nodes.get(1)
  region.value('holder', Holder).set({ node: free })
  return { nodes, free, owned }
}

/** By the names; it gives up what it looked at. */
function checkAndFree(region: Region): void {
  const [nodes, holder] = [region.map('nodes', t.u32, Node), region.value('holder', Holder)]
  const free = region.refOf(holder.get()!.node!)
  const owned = region.refOf(nodes.get(1)!)
  region.transact(() => {
    for (const ref of [owned, region.refOf(holder.get()!)] as Ref[]) {
      assert.is(codeOf(() => region.free(ref)), 'RSTORE_REF_OWNED')
    }
    assert.is(nodes.get(1)!.next!.next!.text, 'owned')
    nodes.get(1)!.next = undefined
    holder.set({})
    region.free(free)
    assert.is(codeOf(() => region.free(free)), 'RSTORE_DANGLING_REF')
  })
}

test('what an entry or a name owns is not freed by its ref', withRegion(async (place) => {
  const region = place.create()
  region.transact(() => fill(region))
  await verifyWhole(region)
  await region.compact()
  await verifyWhole(region)
  checkAndFree(region)
  assert.is(region.map('nodes', t.u32, Node).get(1)!.text, 'owned')
}))

test('a copy of what a ref reaches is nobody\'s, until its owner comes', withRegion(
  async (place) => {
    const region = place.create()
    const { owned } = region.transact(() => fill(region))
    const other = place.create({}, 'other.region')
    other.transact(() => {
      const copy = region.evacuate(other, owned)
      const next = other.refOf(other.deref(copy).next!)
      for (const ref of [copy, next]) other.free(ref)
    })
    await verifyWhole(other)
    other.transact(() => region.evacuate(other))
    await verifyWhole(other)
    checkAndFree(other)
  },
))

test('loaded from a dump', withRegion(async (place) => {
  const region = place.create()
  region.transact(() => fill(region))
  const lines = dumpOf(region)
  const loaded = place.create({}, 'loaded.region')
  loadInto(loaded, lines)
  await verifyWhole(loaded)
  checkAndFree(loaded)
}))

test('packed and thawed: the root belongs to its name', withRegion(async (place) => {
  const packed = Region.pack(place.path('packed'), { root: Node }, (region) => {
    const root = region.alloc(Node, { text: 'root' })
    region.deref(root).next = region.deref(region.alloc(Node, { text: 'next', next: root }))
    return root
  })!
  await verifyWhole(packed)
  packed.close()
  await Packed.thaw(place.path('packed'), place.path('live'))
  const live = place.open({}, 'live')
  await verifyWhole(live)
  const root = live.value('root', Node)
  live.transact(() => {
    assert.is(codeOf(() => live.free(live.refOf(root.get()!))), 'RSTORE_REF_OWNED')
    const next = live.refOf(root.get()!.next!)
    root.delete()
    live.free(next)
  })
  await verifyWhole(live)
}))

test('an array from a builder: before, and when it has an owner', withRegion(async (place) => {
  const region = place.create()
  const arrays = region.map('arrays', t.u32, t.array(t.f64))
  const named = region.value('named', t.struct('Named', { array: t.ref(() => t.array(t.f64)) }))
  const build = (): Ref<any> => {
    const builder = region.arrayBuilder(t.f64)
    for (let i = 0; i < 10; i++) builder.push(i)
    return builder.finish()
  }
  region.transact(() => {
    region.free(build())
    const owned = build()
    arrays.set(1, owned)
    assert.is(codeOf(() => region.free(owned)), 'RSTORE_REF_OWNED')
    const shared = build()
    named.set({ array: shared })
    assert.equal([...named.get()!.array as unknown as Float64Array].length, 10)
  })
  await verifyWhole(region)
}))

test('in a block region', withPool(async (pool) => {
  const region = pool.region()
  const { free, owned } = fill(region)
  region.alloc(Node, { text: 'only the program has its ref' })
  const { ok, bytes } = await region.verify()
  assert.equal([ok, bytes.leaked], [true, 0])
  assert.is(codeOf(() => region.free(owned as Ref)), 'RSTORE_REF_OWNED')
  region.value('holder', Holder).set({})
  region.map('nodes', t.u32, Node).get(1)!.next = undefined
  region.free(free as Ref)
  region.free()
}))

const Tree = t.struct('Tree', { nodes: t.map(t.u32, Node) })
/** Which of the two is met first is for their order to say. */
const ORDERS = [
  t.struct('Both', { tree: t.optional(t.ref(() => Tree)), node: t.optional(t.ref(() => Node)) }),
  t.struct('Both', { node: t.optional(t.ref(() => Node)), tree: t.optional(t.ref(() => Tree)) }),
]

for (const [order, Both] of ORDERS.entries()) {
  test(`named before the owner is met, which nothing owns: order ${order}`, withRegion(
    async (place) => {
      const region = place.create()
      const both = region.value('both', Both)
      region.transact(() => {
        const tree = region.alloc(Tree, { nodes: [[1, { text: 'inside' }]] })
        both.set({ tree, node: region.deref(tree).nodes.get(1)! })
      })
      await verifyWhole(region)
      const lines = dumpOf(region)
      const loaded = place.create({}, 'loaded.region')
      const copied = place.create({}, 'copied.region')
      copied.transact(() => region.evacuate(copied))
      loadInto(loaded, lines)
      await region.compact()
      for (const one of [region, loaded, copied]) {
        await verifyWhole(one)
        const { tree, node } = one.value('both', Both).get()!
        assert.is(one.refOf(tree!.nodes.get(1)!), one.refOf(node!))
      }
    },
  ))

  test(`where only the program has the owner: order ${order}`, withRegion(async (place) => {
    const region = place.create()
    const both = region.value('both', Both)
    const tree = region.transact(() => {
      const made = region.alloc(Tree, { nodes: [[1, { text: 'inside' }]] })
      both.set({ node: region.deref(made).nodes.get(1)! })
      return made
    })
    const { problems, bytes } = await region.verify()
    assert.equal(problems, [])
    assert.ok(bytes.leaked > 0)
    region.transact(() => {
      both.set({})
      region.free(tree)
    })
    await verifyWhole(region)
  }))
}

test('thawed with a root that a map owns: it gets no second owner', withRegion(async (place) => {
  Region.pack(place.path('packed'), { root: Node }, (region) => {
    const nodes = region.map('nodes', t.u32, Node)
    nodes.set(1, { text: 'of a map' })
    return nodes.get(1)!
  })!.close()
  await Packed.thaw(place.path('packed'), place.path('live'))
  const live = place.open({}, 'live')
  await verifyWhole(live)
  assert.is(live.map('nodes', t.u32, Node).get(1)!.text, 'of a map')
  assert.equal(live.names().map(({ name }) => name), ['nodes'])
}))

test('verification tells who says wrongly whose he is', () => {
  const region = new MemoryRegion(2 ** 21)
  const refs = region.transact(() => fill(region as never))
  const codes = (): string[] => {
    const { problems } = verifySession(region.session, region.catalog)
    return problems.map(({ code, ref }) => `${code} ${ref}`)
  }
  assert.equal(codes(), [])
  for (const [ref, unowned] of [[refs.owned, true], [refs.free, false]] as const) {
    region.transact(() => setUnowned(region.session.space, ref, unowned))
    assert.equal(codes(), [`CELL_OWNER ${ref}`])
    region.transact(() => setUnowned(region.session.space, ref, !unowned))
  }
})

test.run()
