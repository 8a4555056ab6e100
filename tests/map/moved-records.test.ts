/** Records that outgrow their cells with their type, and refs to them: lib/types/moved.ts. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Importer, Region, t, type BlockRegion, type DumpHead, type RMap, type Ref, type Type,
} from '../../lib/index.js'
import { pageOf, wordIndexOf } from '../../lib/space/ref.js'
import { trailWord } from '../../lib/types/moved.js'
import { randomOf } from '../fuzz/damage.js'
import { dumpOf, loadInto } from '../harness/dump.js'
import { codeOf } from '../harness/types.js'
import { verifyWhole } from '../harness/verify.js'
import { withRegion, type Place } from '../harness/with-region.js'
import { withPool } from '../pool/with-pool.js'
import { damageAndRepair } from '../repair/damage.js'

const test = suite('map: records that have moved')

type Node = { text: string; mark: number; next?: Node; words: Iterable<string>; added?: number }
type Nodes = RMap<number, any, any>

const first = { text: t.string, mark: t.u8, next: t.optional(t.self), words: t.array(t.string) }
const second = { ...first, added: t.default(t.f64, 7), more: t.optional(t.string) }
const numbers = Object.fromEntries(
  Array.from({ length: 12 }, (_, i) => [`n${i}`, t.default(t.f64, i)]))
const third = { ...second, ...numbers }
/** Each is too large for the cells of the one before. */
const VERSIONS: readonly Type<any>[] = [first, second, third].map((fields) =>
  t.struct('Node', fields))

const mapOf = (region: Region | BlockRegion, version: number): Nodes =>
  region.map('nodes', t.u32, VERSIONS[version]!)

const COUNT = 40

/** Each names the next one; the last one the first. */
function fill(map: Nodes): void {
  for (let n = 0; n < COUNT; n++) map.set(n, { text: `text ${n}`, mark: 0, words: [`w${n}`] })
  for (let n = 0; n < COUNT; n++) map.get(n).next = map.get((n + 1) % COUNT)
}

/** Writes every record whole, and fills the cells that became free. */
function grow(map: Nodes, mark: number): void {
  for (let n = 0; n < COUNT; n++) {
    const { text, next, words } = map.get(n) as Node
    map.set(n, { text, next, words: [...words], mark })
    map.set(COUNT + n, { text: 'other', mark: 99, words: [] })
  }
  for (let n = 0; n < COUNT; n++) map.delete(COUNT + n)
}

/** Once round, by refs alone. */
function checkCircle(start: Node, mark: number, added?: number): void {
  let node = start
  for (let n = 0; n < COUNT; n++, node = node.next!) {
    const { text, words } = node
    assert.equal([text, node.mark, [...words], node.added], [`text ${n}`, mark, [`w${n}`], added])
  }
  assert.ok((node as unknown as { equals(other: unknown): boolean }).equals(start))
}

test('refs lead to where they are, through several versions, rollback and reopening', withRegion(
  async (place) => {
    const region = place.create()
    const refs = region.transact(() => {
      const map = mapOf(region, 0)
      fill(map)
      return Array.from({ length: COUNT }, (_, n) => region.refOf(map.get(n)))
    })
    const snapshot = region.snapshot()
    const map = mapOf(region, 1)
    assert.throws(() => region.transact(() => {
      grow(map, 1)
      checkCircle(map.get(0), 1, 7)
      throw new Error('undo')
    }), /undo/)
    checkCircle(map.get(0), 0, 7)
    region.transact(() => {
      const view = map.get(5)
      grow(map, 1)
      assert.is(codeOf(() => view.text), 'RSTORE_STALE_VIEW')
    })
    checkCircle(map.get(0), 1, 7)
    checkCircle(snapshot.map('nodes', t.u32, VERSIONS[0]!).get(0) as Node, 0)
    snapshot.close()
    await verifyWhole(region)
    region.close()

    const again = place.open()
    const last = mapOf(again, 2)
    again.transact(() => grow(last, 2))
    checkCircle(last.get(0), 2, 7)
    // a ref from before leads there, and counts as the one of today
    refs.forEach((ref, n) => {
      assert.is((again.deref(ref) as Node).text, `text ${n}`)
      assert.is(again.refOf(again.deref(ref) as object), again.refOf(last.get(n)))
      assert.is.not(ref, again.refOf(last.get(n)))
    })
    again.transact(() => { last.get(3).next = refs[9] })
    assert.is(last.getObject(3).next, again.refOf(last.get(9)))
    await verifyWhole(again)
    again.transact(() => { last.get(3).next = last.get(4) })
    await again.compact()
    checkCircle(last.get(0), 2, 7)
  },
))

test('what they left goes with them', withRegion(async (place) => {
  const region = moved(place)
  const emptied = async (): Promise<number> => {
    region.transact(() => mapOf(region, 2).clear())
    await verifyWhole(region)
    return (await region.verify()).bytes.live
  }
  const before = await emptied()
  region.transact(() => fill(mapOf(region, 2)))
  assert.is(await emptied(), before)
}))

test('a record that nothing owns is freed by the ref from before', withRegion(async (place) => {
  const region = place.create()
  const value = region.value('node', VERSIONS[0]!)
  const old = region.transact(() => {
    value.set({ text: 'a', mark: 1, words: [] })
    return region.refOf(value.get() as object)
  })
  const later = region.value('node', VERSIONS[1]!)
  region.transact(() => later.set({ text: 'b', mark: 2, words: ['x'] }))
  assert.is((region.deref(old) as Node).text, 'b')
  const ref = region.refOf(later.get() as object)
  region.transact(() => later.delete())
  for (const gone of [old, ref]) {
    assert.is(codeOf(() => region.deref(gone as Ref)), 'RSTORE_DANGLING_REF')
    assert.is(codeOf(() => region.transact(() => region.free(gone as Ref))), 'RSTORE_DANGLING_REF')
  }
  await verifyWhole(region)
}))

test('refs that only the program has are led on, too, and little is left', withRegion(
  async (place) => {
    const [earlier, later] = [
      t.struct('Alone', { text: t.string, a: t.array(t.u32), b: t.f64, c: t.f64 }),
      t.struct('Alone', {
        text: t.string, a: t.array(t.u32), b: t.f64, c: t.f64, d: t.default(t.f64, 0),
      }),
    ]
    const region = place.create()
    const refs = region.transact(() => {
      const map = region.map('m', t.u32, earlier!)
      return Array.from({ length: COUNT }, (_, n) => {
        map.set(n, { text: `${n}`, a: [n], b: 1, c: 2 })
        return region.refOf(map.get(n)!)
      })
    })
    const map = region.map('m', t.u32, later!)
    region.transact(() => {
      for (let n = 0; n < COUNT; n++) map.set(n, { text: `new ${n}`, a: [], b: 1, c: 2, d: 3 })
      refs.forEach((ref, n) => assert.is(region.deref(ref).text, `new ${n}`))
    })
    const { live } = (await region.verify()).bytes
    await region.compact()
    const left = (live - (await region.verify()).bytes.live) / COUNT
    assert.ok(left >= 24 && left <= 48, `${left} bytes a record`)
  },
))

test('a ref from before is the ref of today: compared, packed, loaded', withRegion((place) => {
  const region = place.create()
  const Holder = t.struct('Holder', { node: t.ref(() => VERSIONS[1]!) })
  const old = region.transact(() => {
    mapOf(region, 0).set(1, { text: 'a', mark: 1, words: [] })
    return region.refOf(mapOf(region, 0).get(1))
  })
  const holders = region.map('holders', t.u32, Holder)
  const direct = region.map('direct', t.u32, t.ref(() => VERSIONS[1]!))
  region.transact(() => {
    holders.set(1, { node: old })
    direct.set(1, old)
    mapOf(region, 1).set(1, { text: 'b', mark: 2, words: [] })
    assert.ok(holders.get(1)!.equals({ node: old }))
    assert.ok(holders.compareAndSet(1, { node: old }, { node: old }))
    assert.ok(direct.compareAndSet(1, old, old))
    assert.not(direct.compareAndSet(1, region.refOf(holders.get(1)!) as never, undefined))
  })
  const packed = Region.pack(place.path('packed'), { root: VERSIONS[1]! }, (to) => {
    to.map('m', t.u32, VERSIONS[0]!).set(1, { text: 'packed', mark: 1, words: [] })
    const before = to.refOf(to.map('m', t.u32, VERSIONS[0]!).get(1)!)
    to.map('m', t.u32, VERSIONS[1]!).set(1, { text: 'again', mark: 1, words: [] })
    return before as Ref<any>
  })!
  assert.is((packed.root as Node).text, 'again')
  packed.close()
}))

test('a damaged trail frees nothing, and is reported', withRegion(async (place) => {
  const region = place.create()
  region.transact(() => {
    for (const version of [0, 1]) {
      for (const n of [1, 2]) {
        mapOf(region, version).set(n, { text: `${n}`, mark: 1, words: [] })
      }
    }
  })
  const map = mapOf(region, 1)
  const { space } = region.session
  const [ref, other] = [1, 2].map((n) => region.refOf(map.get(n)))
  const word = trailWord(space, ref!)
  const { u32 } = space.windowOf(ref!)
  const left = u32[word]!
  const whileIs = async (value: number): Promise<string[]> => {
    region.transact(() => {
      space.mark(ref! + ((word - wordIndexOf(ref!)) >>> 1), 8)
      u32[word] = value
      if (value !== 0 && value !== left) {
        assert.is(codeOf(() => region.transact(() => map.delete(1))), 'RSTORE_CORRUPT')
      }
    })
    assert.is(map.get(2).text, '2')
    const { problems } = await region.verify()
    return [...new Set(problems.map(({ code }) => code))].sort()
  }
  assert.equal(await whileIs(other!), ['CELL_MOVED', 'CELL_SHARED'])
  assert.equal(await whileIs(left + 1), ['CELL_MOVED', 'CELL_SHARED'])
  assert.equal(await whileIs(0), ['CELL_MOVED'])
  assert.equal(await whileIs(left), [])
}))

// ── where records are copied ──

/** The circle, all of whose records have moved twice. */
function moved(place: Place): Region {
  const region = place.create()
  region.transact(() => fill(mapOf(region, 0)))
  for (const version of [1, 2]) region.transact(() => grow(mapOf(region, version), version))
  return region
}

test('evacuated to another file by a ref', withRegion(async (place) => {
  const region = moved(place)
  const other = place.create({}, 'other.region')
  const ref = region.refOf(mapOf(region, 2).get(0))
  const kept = other.value('kept', t.struct('Kept', { node: t.ref(() => VERSIONS[2]!) }))
  other.transact(() => kept.set({ node: region.evacuate(other, ref) }))
  checkCircle(kept.get()!.node as Node, 2, 7)
}))

test('evacuated by name: what they left stays behind', withRegion(async (place) => {
  const region = moved(place)
  const other = place.create({}, 'other.region')
  other.transact(() => region.evacuate(other))
  checkCircle(mapOf(other, 2).get(0), 2, 7)
  const { live } = (await other.verify()).bytes
  await other.compact()
  assert.is((await other.verify()).bytes.live, live)
}))

test('packed', withRegion(async (place) => {
  const region = moved(place)
  const ref = region.refOf(mapOf(region, 2).get(0)) as Ref<any>
  const packed = Region.pack(place.path('packed'), { root: VERSIONS[2]! }, (to) =>
    region.evacuate(to, ref))!
  checkCircle(packed.root as Node, 2, 7)
  await verifyWhole(packed)
  packed.close()
}))

test('dumped and loaded', withRegion(async (place) => {
  const region = moved(place)
  const lines = dumpOf(region)
  const loaded = place.create({}, 'loaded.region')
  loadInto(loaded, lines)
  checkCircle(mapOf(loaded, 2).get(0), 2, 7)
}))

test('loaded over itself: what names its records still does', withRegion(async (place) => {
  const region = place.create()
  const others = region.map('others', t.u32, t.ref(() => VERSIONS[0]!))
  region.transact(() => fill(mapOf(region, 0)))
  const lines = dumpOf(region)
  region.transact(() => {
    for (let n = 0; n < COUNT; n++) others.set(n, mapOf(region, 0).get(n))
  })
  for (let round = 0; round < 2; round++) {
    loadInto(region, lines)
    checkCircle(mapOf(region, 0).get(0), 0)
    for (let n = 0; n < COUNT; n++) checkCircle(others.get(0) as Node, 0)
    await verifyWhole(region)
  }
  const { live } = (await region.verify()).bytes
  await region.compact()
  const left = (live - (await region.verify()).bytes.live) / COUNT
  assert.ok(left < 100, `${left} bytes a record after two loads`)
  region.transact(() => mapOf(region, 1).clear() && others.clear())
}))

test('loaded in parts, between which a record moves', withRegion((place) => {
  const source = place.create({}, 'source.region')
  const Holder = t.struct('Holder', { node: t.ref(() => VERSIONS[0]!) })
  source.transact(() => {
    mapOf(source, 0).set(1, { text: 'a', mark: 1, words: [] })
    const view = mapOf(source, 0).get(1)
    for (const n of [1, 2]) source.map('zholders', t.u32, Holder).set(n, { node: view })
  })
  const [head, ...lines] = dumpOf(source)
  assert.is(lines.length, 3)
  const region = place.create()
  const importer = region.transact(() => {
    const made = new Importer(region, head as DumpHead)
    for (const line of lines.slice(0, 2)) made.add(line)
    made.pause()
    return made
  })
  region.transact(() => mapOf(region, 1).set(1, { text: 'moved', mark: 1, words: [] }))
  region.transact(() => {
    importer.add(lines[2]!)
    importer.finish()
  })
  for (const n of [1, 2]) {
    const { node } = region.map('zholders', t.u32, Holder).getObject(n)!
    assert.is(region.refOf(region.deref(node as never)), region.refOf(mapOf(region, 1).get(1)))
  }
}))

test('repaired', withRegion(async (place) => {
  moved(place).close()
  await damageAndRepair(place, [3])
  checkCircle(mapOf(place.open({}, 'saved'), 2).get(0), 2, 7)
}))

test('repaired where what records left is lost: they say what that was', withRegion(
  async (place) => {
    const region = place.create()
    const count = 400
    const holders = region.map('holders', t.u32, t.ref(() => VERSIONS[0]!))
    const refs = region.transact(() => {
      const map = mapOf(region, 0)
      for (let n = 0; n < count; n++) map.set(n, { text: `text ${n}`, mark: 1, words: [] })
      for (let n = 0; n < count; n++) holders.set(n, map.get(n))
      return Array.from({ length: count }, (_, n) => region.refOf(map.get(n)))
    })
    const map = mapOf(region, 1)
    const grown = { mark: 2, words: [], added: 1 }
    region.transact(() => {
      for (let n = 0; n < count; n++) map.set(n, { text: `text ${n}`, ...grown })
    })
    const pagesNow = new Set(Array.from({ length: count }, (_, n) =>
      pageOf(region.refOf(map.get(n)))))
    region.close()
    const lost = new Set(refs.map(pageOf).filter((page) => !pagesNow.has(page)))
    assert.ok(lost.size > 0)
    await damageAndRepair(place, [...lost])
    const saved = place.open({}, 'saved')
    const nodes = mapOf(saved, 1)
    const named = saved.map('holders', t.u32, t.ref(() => VERSIONS[1]!))
    let found = 0
    for (let n = 0; n < count; n++) {
      const node = named.get(n) as Node | undefined
      if (node === undefined) continue
      assert.is(node.text, `text ${n}`)
      assert.is(saved.refOf(node), saved.refOf(nodes.get(n)))
      found++
    }
    assert.is(found, nodes.size)
  },
))

test('in a block region', withPool(async (pool) => {
  const region = pool.region()
  fill(mapOf(region, 0))
  for (const version of [1, 2]) grow(mapOf(region, version), version)
  checkCircle(mapOf(region, 2).get(0), 2, 7)
  assert.ok((await region.verify()).ok)
  region.free()
}))

test('in a block region that goes to another place itself', withPool(async (pool) => {
  const regions = Array.from({ length: 320 }, () => pool.region({ bound: '2KiB' }))
  const kept = regions.filter((region, i) => i % 10 === 3 || void region.free())
  const made = kept.map((region, i) => {
    region.value('a', VERSIONS[0]!).set({ text: `a${i}`, mark: i, words: [] })
    const old = region.refOf(region.value('a', VERSIONS[0]!).get() as object)
    region.value('b', VERSIONS[0]!).set({ text: 'b', mark: i, words: [], next: old })
    for (const version of [1, 2]) {
      region.value('a', VERSIONS[version]!).set({ text: `A${i}`, mark: i, words: [`w${i}`] })
    }
    const now = region.refOf(region.value('a', VERSIONS[2]!).get() as object)
    return { reader: region.seal(), old, now }
  })
  pool.compact()
  let moves = 0
  for (const [i, { reader, old, now }] of made.entries()) {
    const { next } = reader.value('b', VERSIONS[2]!).get() as unknown as Node
    assert.equal([next!.text, [...next!.words]], [`A${i}`, [`w${i}`]])
    assert.is((reader.deref(old) as unknown as Node).text, `A${i}`)
    moves += Number(reader.refOf(next!) !== now)
    assert.ok((await reader.verify()).ok)
    reader.free()
  }
  assert.ok(moves >= 28, `${moves} moved`)
}))

// ── against a model ──

interface Model { text: string; next: number | undefined; version: number }

class Trial {
  private readonly model = new Map<number, Model>()
  private version = 0
  /** Refs that records had, as long as they are there. */
  private readonly refs = new Map<number, number[]>()
  private region: Region
  private map: Nodes

  constructor(private readonly place: Place, private readonly random: (below: number) => number) {
    this.region = place.create()
    this.map = mapOf(this.region, 0)
  }

  private some(): number | undefined {
    const keys = [...this.model.keys()]
    return keys[this.random(keys.length)]
  }

  /** A view, or a ref from any time. */
  private named(key: number | undefined): unknown {
    if (key === undefined) return undefined
    const refs = this.refs.get(key)!
    return this.random(2) === 0 ? this.map.get(key) : refs[this.random(refs.length)]
  }

  private write(key: number): void {
    const text = `text ${this.random(1e6)}`.repeat(1 + this.random(3))
    const next = this.random(3) === 0 ? undefined : this.some()
    this.map.set(key, { text, mark: this.version, words: [text], next: this.named(next) })
    this.model.set(key, { text, next, version: this.version })
    const refs = this.refs.get(key) ?? []
    this.refs.set(key, refs)
    refs.push(this.region.refOf(this.map.get(key)))
  }

  private remove(key: number): void {
    for (const [other, entry] of this.model) {
      if (entry.next !== key) continue
      this.map.get(other).next = undefined
      entry.next = undefined
    }
    this.map.delete(key)
    this.model.delete(key)
    this.refs.delete(key)
  }

  private change(): void {
    const key = this.some()
    if (key === undefined || this.random(5) === 0) return this.write(this.random(60))
    if (this.random(4) === 0) return this.remove(key)
    if (this.random(3) > 0) return this.write(key)
    const next = this.some()
    this.map.get(key).next = this.named(next)
    this.model.get(key)!.next = next
  }

  private undone(): void {
    const kept = structuredClone([[...this.model], [...this.refs]])
    const ended = codeOf(() => this.region.transact(() => {
      for (let i = this.random(20); i >= 0; i--) this.change()
      throw Object.assign(new Error('undo'), { code: 'UNDO' })
    }))
    assert.is(ended, 'UNDO')
    const restore = (to: Map<any, any>, entries: [any, any][]): void => {
      to.clear()
      for (const [key, value] of entries) to.set(key, value)
    }
    restore(this.model, kept[0] as [any, any][])
    restore(this.refs, kept[1] as [any, any][])
  }

  private reopen(): void {
    this.region.close()
    this.region = this.place.open()
    this.map = mapOf(this.region, this.version)
  }

  private async compact(): Promise<void> {
    await this.region.compact()
    for (const [key, refs] of this.refs) refs.splice(0, refs.length, this.refNow(key))
  }

  private refNow(key: number): number {
    return this.region.refOf(this.map.get(key))
  }

  private check(): void {
    assert.equal([...this.map.keys()], [...this.model.keys()].sort((a, b) => a - b))
    for (const [key, { text, next, version }] of this.model) {
      const node = this.map.get(key) as Node
      assert.equal([node.text, node.mark, [...node.words]], [text, version, [text]])
      assert.is(node.next?.text, next === undefined ? undefined : this.model.get(next)!.text)
      for (const ref of this.refs.get(key)!) {
        const found = this.region.deref(ref as Ref) as Node
        assert.is(this.region.refOf(found), this.refNow(key))
      }
    }
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const kind = this.random(12)
      if (kind === 0) this.undone()
      else if (kind === 1) this.reopen()
      else if (kind === 2) await this.compact()
      else if (kind === 3 && this.version < 2 && step > steps / 4) {
        this.map = mapOf(this.region, ++this.version)
      } else {
        this.region.transact(() => { for (let i = this.random(20); i >= 0; i--) this.change() })
      }
      this.region.read(() => this.check())
      await verifyWhole(this.region)
    }
  }
}

for (let i = 0; i < 4; i++) {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31)) + i
  test(`against a model (SEED=${seed})`, withRegion((place) =>
    new Trial(place, randomOf(seed)).run(60)))
}

test.run()
