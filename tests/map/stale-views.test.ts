/**
 * Views of every kind, kept while records around them are set, deleted and freed: each reads the
 * record that it is a view of, or says that it is gone. In regions and in block regions.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Pool, RStoreError, t, type WritableRegion } from '../../lib/index.js'
import { thrown, withRegion } from '../harness/with-region.js'
import { printedSeed, Random } from '../processes/random.js'

const test = suite('stale views')
const seed = printedSeed()

const Part = t.struct('Part', { id: t.u32, name: t.string })
const Box = t.struct('Box', {
  id: t.u32, name: t.string, inner: t.struct('Inner', { id: t.u32 }), parts: t.array(Part),
  notes: t.map(t.u32, t.string), spare: t.optional(Part), numbers: t.array(t.f64),
})

function boxOf(id: number, random: Random) {
  const part = () => ({ id, name: `n${id}` })
  return {
    id, inner: { id }, name: `n${id}${'-'.repeat(random.below(3) * random.below(60))}`,
    parts: Array.from({ length: random.below(4) }, part),
    notes: [[1, `n${id}`]] as [number, string][],
    spare: random.below(2) === 0 ? undefined : part(),
    numbers: new Float64Array(random.below(5) * random.below(200)).fill(id),
  }
}

const idIn = (name: string): number => Number(/^n(\d+)/.exec(name)![1])

/** Reads of one record, each through a view that was taken now; undefined where it has no such. */
function readsOf(box: any): (() => number | undefined)[] {
  const { inner, notes, parts } = box
  const reads = [() => box.id, () => idIn(box.name), () => inner.id, () => idIn(notes.get(1)),
    () => box.spare?.id, () => parts.at(0)?.id]
  if (parts.length > 0) {
    const first = parts.at(0)
    reads.push(() => first.id, () => idIn(first.name))
  }
  return reads
}

function assertReads(read: () => number | undefined, expected: number | undefined): void {
  let got
  try {
    got = read()
  } catch (error) {
    if (error instanceof RStoreError && error.code === 'RSTORE_STALE_VIEW') return
    throw error
  }
  if (got !== undefined) assert.is(got, expected, 'a view reads what is not its record')
}

/** Sixty random changes in one transaction, and between them a look through all views. */
function change(region: WritableRegion, random: Random, ids: { next: number }): void {
  const boxes = region.map('boxes', t.u32, Box)
  const texts = region.map('texts', t.u32, t.string)
  const living = new Map([...boxes].map(([key, { id }]) => [key, id]))
  const views: { key: number; read: () => number | undefined }[] = []
  for (let i = 0; i < 60; i++) {
    const key = random.below(25)
    const kind = random.below(10)
    if (kind < 4) {
      living.set(key, ids.next)
      boxes.set(key, boxOf(ids.next++, random))
    } else if (kind < 6) {
      boxes.delete(key)
      living.delete(key)
    } else if (kind < 7) {
      texts.set(random.below(20), 'text'.repeat(random.below(80)))
    } else if (living.has(key)) {
      for (const read of readsOf(boxes.get(key))) views.push({ key, read })
    }
    // set() may write a record over the one that was there: views of that one read it
    if (random.below(4) !== 0) continue
    for (const view of views) assertReads(view.read, living.get(view.key))
  }
}

for (const [where, transact] of [
  ['regions', (region: any, fn: () => void) => region.transact(fn)],
  ['block regions', (_region: any, fn: () => void) => fn()],
] as const) {
  test(`${where}: a view reads its record or is stale`, withRegion(async (place) => {
    for (let run = 0; run < 25; run++) {
      const random = new Random(seed + run)
      const region: any = where === 'regions'
        ? place.create({ capacity: '64MiB' }, `${run}.region`) : Pool.default.region()
      const ids = { next: 1 }
      for (let round = 0; round < 8; round++) transact(region, () => change(region, random, ids))
      const { ok, problems } = await region.verify()
      assert.ok(ok, `run ${run}: ${JSON.stringify(problems)}`)
      if (where === 'regions') region.close()
      else region.free()
    }
  }))
}

test('neighbours that are freed one after the other are all gone', withRegion(async (place) => {
  const region = place.create()
  const Pair = t.struct('Pair', { id: t.u32, at: t.tuple(t.f64, t.f64) })
  const links = region.map('links', t.u32, t.ref(() => Pair))
  const boxes = region.map('boxes', t.u32, Box)
  region.transact(() => {
    const refs = [1, 2, 3, 4].map((id) => region.alloc(Pair, { id, at: [1, 2] }))
    const views = refs.map((ref) => region.deref(ref))
    links.set(1, refs[1]!)
    for (const ref of refs.slice(0, 3)) region.free(ref)
    for (const view of views.slice(0, 3)) {
      thrown('RSTORE_STALE_VIEW', () => view.id)
      thrown('RSTORE_STALE_VIEW', () => (view.id = 7))
    }
    for (const ref of refs.slice(0, 3)) {
      thrown('RSTORE_DANGLING_REF', () => region.deref(ref))
      thrown('RSTORE_DANGLING_REF', () => region.free(ref))
    }
    thrown('RSTORE_DANGLING_REF', () => links.get(1))
    assert.is(views[3]!.id, 4)
    links.delete(1)
    region.free(refs[3]!)

    for (let key = 0; key < 10; key++) boxes.set(key, boxOf(key, new Random(key)))
    const kept = [...boxes.values()]
    boxes.clear()
    for (const view of kept) thrown('RSTORE_STALE_VIEW', () => (view.id = 7))
  })
  assert.equal((await region.verify()).problems, [])
}))

test.run()
