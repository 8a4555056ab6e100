import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RStoreError } from '../../lib/errors.js'
import { verifySession } from '../../lib/map/verify/verify.js'
import type { Ref } from '../../lib/space/ref.js'
import { t, type Infer, type InferInput, type Type } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf, sameType } from '../harness/types.js'

const test = suite('types: ref and self')

const Node = t.struct('Node', { value: t.u32, next: t.optional(t.self), others: t.array(t.self) })
type NodeView = Infer<typeof Node>
sameType<Exclude<NodeView['next'], undefined>['value'], number>(true)
sameType<NodeView['others'][0]['value'], number>(true)

interface PersonView {
  name: string
  home: HouseView
  toObject(): any
  equals(other: unknown): boolean
}
interface HouseView {
  street: string
  owner: PersonView | undefined
  toObject(): any
  equals(other: unknown): boolean
}
const Person = t.struct('Person', {
  name: t.string,
  home: t.ref((): Type<HouseView> => House),
})
const House = t.struct('House', {
  street: t.string,
  owner: t.optional(t.ref((): Type<PersonView> => Person)),
})
const homeOf = t.struct('Home', { home: t.ref((): Type<HouseView> => House) })
sameType<Infer<typeof homeOf>['home'], HouseView>(true)
sameType<Infer<typeof Person>['home'], HouseView>(true)
sameType<InferInput<typeof House>['owner'], PersonView | Ref<PersonView> | undefined>(true)

test('records name each other, also in cycles', () => {
  const region = new MemoryRegion(2 ** 21)
  const first = region.value('first', t.ref(() => Node))
  region.transact(() => {
    const refs = Array.from({ length: 100 }, (_, value) =>
      region.alloc(Node, { value, others: [] }),
    )
    refs.forEach((ref, i) => {
      const node = region.deref(ref)
      node.next = region.deref(refs[(i + 1) % 100]!)
      node.others = [refs[i]!, region.deref(refs[99 - i]!)] as never
    })
    first.set(refs[0]!)
  })
  region.turn()
  let node: NodeView = first.get()!
  for (let i = 0; i < 250; i++) {
    assert.is(node.value, i % 100)
    assert.is(node.others[1]!.value, 99 - (i % 100))
    node = node.next as NodeView
  }
  assertSound(region)
  assert.type(node.toObject().next, 'number', 'a copy has refs as numbers')
  const ref = region.refOf(node)
  assert.is(region.deref(ref).value, node.value)
  assert.ok(node.equals(region.deref(ref)))
})

test('types may name each other', () => {
  const region = new MemoryRegion(2 ** 21)
  const people = region.map('people', t.string, Person)
  region.transact(() => {
    const house = region.alloc(House, { street: 'Main Street' })
    people.set('ann', { name: 'Ann', home: house })
    region.deref(house).owner = people.get('ann')!
  })
  assert.is((people.get('ann') as PersonView).home.owner!.home.street, 'Main Street')
  assertSound(region)
})

test('what only a lost ref named is leaked, which verify says', () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('map', t.u8, t.struct('Holder', { node: t.optional(t.ref(() => Node)) }))
  let ref: Ref<NodeView>
  region.transact(() => {
    ref = region.alloc(Node, { value: 1, others: [] })
    map.set(1, { node: ref })
  })
  assertSound(region)
  region.transact(() => { map.get(1)!.node = undefined })
  const { ok, bytes } = verifySession(region.session, region.catalog)
  assert.ok(ok)
  assert.ok(bytes.leaked > 0)
  region.transact(() => region.free(ref!))
  assertSound(region)
})

test('dangling, foreign and invented refs are refused', () => {
  const region = new MemoryRegion(2 ** 21)
  const other = new MemoryRegion(2 ** 21)
  const Holder = t.struct('Holder', { node: t.ref(() => Node) })
  const map = region.map('map', t.u8, Holder)
  region.transact(() => {
    const ref = region.alloc(Node, { value: 1, others: [] })
    map.set(1, { node: ref })
    region.free(ref)
    assert.is(codeOf(() => map.get(1)!.node), 'RSTORE_DANGLING_REF')
    assert.is(codeOf(() => region.deref(ref)), 'RSTORE_DANGLING_REF')
    assert.is(codeOf(() => region.free(ref)), 'RSTORE_DANGLING_REF')
    assert.is(codeOf(() => map.set(2, { node: ref })), 'RSTORE_DANGLING_REF')
    for (const bad of [0, -1, 1.5, 2 ** 32, 'x', null, {}]) {
      assert.is(codeOf(() => map.set(2, { node: bad as never })), 'TypeError', String(bad))
      assert.is(codeOf(() => region.deref(bad as never)), 'TypeError', String(bad))
    }
    assert.is(codeOf(() => map.set(2, { node: 2 ** 31 as never })), 'RSTORE_DANGLING_REF')
    const text = region.alloc(t.string, 'text')
    assert.is(region.deref(text), 'text')
    assert.is(codeOf(() => map.set(2, { node: text as never })), 'RSTORE_DANGLING_REF')
    region.free(text)
    const node = region.alloc(Node, { value: 1, others: [] })
    const holder = region.alloc(Holder, { node })
    const notNode: () => unknown = () => map.set(2, { node: holder as never })
    assert.is(codeOf(notNode), 'RSTORE_DANGLING_REF')
    assert.throws(notNode, /should name struct Node, but there is struct Holder: what it named/)
    for (const ref of [holder, node]) region.free(ref)
    const stranger = other.transact(() => other.deref(other.alloc(Node, { value: 2, others: [] })))
    assert.is(codeOf(() => map.set(2, { node: stranger })), 'RSTORE_FOREIGN_REF')
    assert.is(codeOf(() => region.refOf(stranger)), 'RSTORE_FOREIGN_REF')
    assert.is(codeOf(() => region.refOf({} as never)), 'TypeError')
    map.delete(1)
  })
  assert.is(codeOf(() => region.alloc(Node, { value: 1, others: [] })), 'RSTORE_NOT_IN_TRANSACTION')
  assertSound(region)
})

test('a struct inside a record has no ref of its own', () => {
  const region = new MemoryRegion(2 ** 21)
  const Inner = t.struct('Inner', { x: t.u8 })
  const map = region.map('map', t.u8, t.struct('Outer', { inner: Inner }))
  region.transact(() => {
    map.set(1, { inner: { x: 1 } })
    assert.throws(() => region.refOf(map.get(1)!.inner), /whole record/)
  })
  assert.throws(() => t.ref(Inner as never), /a function/)
  assert.throws(() => (t.self as unknown as { describe(): void }).describe(), /only inside/)
})

test('records of another region are copied, but for their refs', () => {
  const Linked = t.struct('Linked', {
    name: t.string, constructor: t.optional(t.u8), next: t.optional(t.self),
    all: t.array(t.self), by: t.map(t.string, t.self), pair: t.optional(t.tuple(t.u8, t.self)),
    deep: t.struct('Deep', { maybe: t.optional(t.string), list: t.array(t.string) }),
  })
  const plain = { name: 'n', all: [], by: [], deep: { list: ['a', 'b'] } }
  const [here, there] = [new MemoryRegion(2 ** 21), new MemoryRegion(2 ** 21)]
  const [mine, theirs] = [here, there].map((region) => region.map('linked', t.u32, Linked))
  // of the same refs in both
  for (const [region, map] of [[here, mine!], [there, theirs!]] as const) {
    region.transact(() => {
      for (let i = 0; i < 9; i++) map.set(i, { ...plain, name: `n${i}` } as never)
    })
  }
  here.transact(() => mine!.set(100, theirs!.get(3)!))
  assert.equal(mine!.getObject(100), theirs!.getObject(3))
  for (const refs of [
    { next: 5 }, { all: [5] }, { by: [['x', 5]] }, { pair: [1, 5] },
  ] as { [name: string]: any }[]) {
    there.transact(() => {
      const other = theirs!.get(5)!
      const [[name, value]] = Object.entries(refs) as [[string, any]]
      const linked = name === 'next' ? other : name === 'all' ? [other]
        : name === 'by' ? [['x', other]] : [value[0], other]
      theirs!.set(50, { ...plain, [name]: linked } as never)
    })
    here.transact(() => {
      assert.is(codeOf(() => mine!.set(101, theirs!.get(50)!)), 'RSTORE_FOREIGN_REF')
      mine!.set(102, mine!.get(5)!)
    })
    assert.is(mine!.has(101), false)
  }
  assertSound(here)
})

test('a ref that leads nowhere, or is of a record that was freed', () => {
  const Link = t.struct('Link', { next: t.optional(t.self) })
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('links', t.u32, Link)
  const ref = region.transact(() => region.alloc(Link, {}))
  region.transact(() => {
    map.set(1, { next: ref })
    region.free(ref)
    assert.is(codeOf(() => map.set(2, { next: ref })), 'RSTORE_DANGLING_REF')
  })
  try {
    void map.get(1)!.next
    assert.unreachable()
  } catch (error) {
    assert.equal((error as RStoreError).facts['ref'], ref)
  }
  region.transact(() => map.clear())
  assertSound(region)
})

test('refs to what is no record are copied, compared and shown as numbers, like others', () => {
  const Text = t.ref(() => t.string)
  const Holder = t.struct('Holder', {
    text: Text, word: t.optional(t.ref(() => t.u32)), list: t.ref(() => t.array(t.string)),
    map: t.ref(() => t.map(t.string, t.u8)), texts: t.array(Text), pair: t.tuple(t.u8, Text),
    by: t.map(t.u8, Text),
  })
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('holders', t.u32, Holder)
  const direct = region.map('direct', t.u32, Text)
  region.transact(() => {
    const text = region.alloc(t.string, 'text')
    const word = region.alloc(t.u32, 5)
    const list = region.alloc(t.array(t.string), ['a'])
    const inner = region.alloc(t.map(t.string, t.u8), [['x', 1]])
    map.set(1, {
      text, word, list, map: inner, texts: [text, text], pair: [1, text], by: [[1, text]],
    })
    direct.set(1, text)
    const plain = {
      text, word, list, map: inner, texts: [text, text], pair: [1, text], by: new Map([[1, text]]),
    }
    assert.equal(map.getObject(1), plain)
    assert.equal(map.get(1)!.toObject(), plain)
    assert.is(direct.getObject(1), text)
    assert.equal(JSON.parse(JSON.stringify(map.get(1))), { ...plain, by: [[1, text]] })
    assert.equal(JSON.parse(JSON.stringify(map.get(1)!.texts)), [text, text])
    map.set(2, map.get(1)!)
    map.set(3, map.getObject(1))
    for (const key of [1, 2, 3]) {
      const { text: read, word: number, list: items, map: named, pair, by } = map.get(key)!
      assert.equal([read, number, [...items], named.get('x'), pair[1], by.get(1)],
        ['text', 5, ['a'], 1, 'text', 'text'])
    }
    const { by: _by, ...others } = plain
    assert.ok(map.get(1)!.equals(map.get(2)))
    assert.ok(map.get(1)!.equals({ ...others, by: map.get(2)!.by }))
    assert.not(map.get(1)!.equals({ ...plain, word: region.alloc(t.u32, 5), by: map.get(2)!.by }))
  })
})

test.run()
