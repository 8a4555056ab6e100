/** After packing nobody can write: not through what was kept, nor another process, nor a thread. */
import { openSync, readFileSync, readlinkSync, readdirSync, statSync, writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DISCARD, Packed, Region, t, type Frozen, type WritableRegion } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { inRoot } from '../harness/paths.js'
import { inPlace, rejected, thrown } from '../harness/with-region.js'
import { Atlas, City, fill, type AtlasView } from './shapes.js'

const test = suite('packed regions: nobody writes')
const OPTIONS = { root: Atlas, capacity: '4MiB' } as const
const city = (name: string) => ({ name, population: 1, shape: [1, 2] })

/** All that a callback of `pack` can keep, and what it tries with it afterwards. */
function keepAll(region: WritableRegion, root: AtlasView): (() => unknown)[] {
  const { cities } = root
  fill(3)(region, root)
  cities.set('long', { ...city('long'), shape: Array.from({ length: 2000 }, (_, i) => i) })
  const record = cities.get('city 1')!
  const iterator = cities.entries()
  iterator.next()
  const numbers = region.map('numbers', t.u32, t.u32)
  const pairs = region.multimap('pairs', t.u32, t.u32)
  const value = region.value('value', City)
  value.set(city('value'))
  const ref = region.alloc(City, city('allocated'))
  const builders = [{}, { capacity: 100 }, { capacity: 100, io: true }]
    .map((options) => region.arrayBuilder(t.f64, options))
  for (const builder of builders) builder.push(1)
  const texts = region.arrayBuilder(t.string)
  const long = cities.get('long')!.shape
  return [
    () => { root.title = 'changed' },
    () => { record.population = 7 },
    () => { record.name = 'a longer name than there was' },
    () => { value.get()!.population = 7 },
    () => cities.set('new', city('new')),
    () => cities.delete('city 1'),
    () => cities.update('city 1', () => city('new')),
    () => { cities.clear() },
    () => cities.bulkLoad([['zzz', city('zzz')]]),
    () => iterator.next(),
    () => numbers.set(1, 1),
    () => pairs.add(1, 1),
    () => value.set(city('other')),
    () => value.delete(),
    () => region.map('other', t.u32, t.u32),
    () => region.dropMap('numbers'),
    () => region.renameMap('numbers', 'others'),
    () => region.alloc(City, city('new')),
    () => { region.deref(ref).population = 7 },
    () => region.free(ref),
    ...builders.flatMap((builder) => [
      () => builder.push(1),
      () => builder.pushMany(Float64Array.of(1, 2)),
      () => builder.parseNumbers(new TextEncoder().encode('1,2')),
      () => builder.count,
      () => builder.checkpoint(),
      () => builder.finish(),
      () => builder.discard(),
    ]),
    () => texts.push('x'),
    () => texts.splitLines(new TextEncoder().encode('x')),
    () => texts.finish(),
    () => region.buildArray(t.f64, {}, (builder) => { builder.push(1) }),
    () => region.editArray(long, 0, 1, (elements: Float64Array) => { elements[0] = 7 }),
    () => {
      (long as unknown as number[])[0] = 7  // it shows nothing any more
      return root.title
    },
  ]
}

test('what the callback kept', inPlace(async (place) => {
  const path = place.path('atlas')
  let kept: (() => unknown)[] = []
  const packed = place.keep(Region.pack(path, OPTIONS, (region, root) => {
    kept = keepAll(region, root)
    return root
  })!)
  const before = readFileSync(path)
  for (const write of kept) await rejected('RSTORE_REVOKED', (async () => write())())
  assert.ok(readFileSync(path).equals(before))
  assert.is(packed.root.cities.size, 4)
}))

test('what the callback of a discarded region kept', inPlace(async (place) => {
  for (const end of ['discarded', 'thrown', 'closed'] as const) {
    let kept: (() => unknown)[] = []
    try {
      Region.pack(place.path(end), OPTIONS, (region, root) => {
        kept = keepAll(region, root)
        if (end === 'thrown') throw new Error(end)
        if (end === 'closed') region.close()
        return DISCARD
      })
    } catch (error) {
      assert.match(String(error), /thrown/)
    }
    // In the same memory, most likely.
    const packed = place.keep(Region.pack(place.path(`after ${end}`), OPTIONS, fill(3))!)
    const before = readFileSync(packed.path!)
    for (const write of kept) await rejected('RSTORE_REVOKED', (async () => write())())
    assert.ok(readFileSync(packed.path!).equals(before))
    assert.equal((await packed.verify()).problems, [])
  }
}))

test('a builder whose region is closed while it is filled', inPlace((place) => {
  thrown('RSTORE_REVOKED', () => Region.pack(place.path('x'), OPTIONS, (region, root) => {
    region.buildArray(t.f64, {}, (builder) => {
      builder.push(1)
      region.close()
      builder.push(2)
    })
    return root
  }))
  assert.equal(readdirSync(place.folder), [])
}))

test('a bulk load that nobody waited for', inPlace(async (place) => {
  const path = place.path('atlas')
  let loading: Promise<unknown> | undefined
  let goOn = (): void => {}
  const waiting = new Promise<void>((resolve) => { goOn = resolve })
  const packed = place.keep(Region.pack(path, OPTIONS, (region, root) => {
    async function* entries(): AsyncGenerator<[number, number]> {
      for (let i = 0; i < 5000; i++) {
        if (i === 2000) await waiting
        yield [i, i]
      }
    }
    loading = region.map('numbers', t.u32, t.u32).bulkLoad(entries())
    return fill(3)(region, root)
  })!)
  const before = readFileSync(path)
  goOn()
  await rejected('RSTORE_REVOKED', loading!)
  assert.ok(readFileSync(path).equals(before))
  assert.equal((await packed.verify()).problems, [])
}))

test('what an asynchronous callback goes on doing', inPlace(async (place) => {
  const path = place.path('atlas')
  let later: Promise<string> | undefined
  const packed = place.keep((await Region.pack(path, OPTIONS, async (region, root) => {
    later = new Promise((resolve) => setTimeout(() => {
      try {
        resolve(`${root.cities.set('late', city('late'))}`)
      } catch (error) {
        resolve((error as { code: string }).code)
      }
    }, 5))
    return fill(3)(region, root)
  }))!)
  const before = readFileSync(path)
  assert.is(await later, 'RSTORE_REVOKED')
  assert.ok(readFileSync(path).equals(before))
  assert.is(packed.root.cities.size, 3)
}))

const pack = (path: string | null): Packed<AtlasView> =>
  Region.pack(path, OPTIONS, (region, root) => {
    keepAll(region, root)
    return root
  })!
const writeFirst = (root: AtlasView): void => {
  (root.cities.get('long')!.shape as unknown as number[])[0] = -1
}
const firstOf = (root: Frozen<AtlasView>): number => root.cities.get('long')!.shape.at(0)!

test('what reads it', inPlace((place) => {
  const path = place.path('atlas')
  const [packed, other] = [place.keep(pack(path)), place.keep(Packed.load(path, { root: Atlas }))]
  const before = readFileSync(path)
  const root = packed.root as AtlasView
  for (const write of [
    () => { root.title = 'changed' },
    () => root.cities.set('new', city('new')),
    () => root.cities.delete('city 1'),
    () => { root.cities.get('city 1')!.population = 7 },
  ]) thrown('RSTORE_READ_ONLY', write)
  thrown('RSTORE_READ_ONLY', () => Region.open(path))
  thrown('RSTORE_EXISTS', () => Region.pack(path, OPTIONS, fill(1)))
  writeFirst(root)
  thrown('RSTORE_READ_ONLY', () => packed.root.title)
  assert.is(firstOf(other.root), 0)
  assert.ok(readFileSync(path).equals(before))
  assert.is(statSync(path).mode & 0o222, 0)
}))

const REFUSED = ['a field: RSTORE_READ_ONLY', 'a map: RSTORE_READ_ONLY', 'memory: RSTORE_READ_ONLY']

test('another process', inPlace(async (place) => {
  const path = place.path('atlas')
  const packed = place.keep(pack(path))
  const before = readFileSync(path)
  const child = new Child<string[]>('dist/tests/packed/writing-child.js', [path])
  assert.equal(await child.expect(), [
    'open: RSTORE_READ_ONLY', 'openOrCreate: RSTORE_READ_ONLY', 'create: RSTORE_EXISTS',
    'pack: RSTORE_EXISTS', 'thaw: RSTORE_EXISTS', ...REFUSED,
  ])
  await child.finish()
  assert.ok(readFileSync(path).equals(before))
  assert.is(firstOf(packed.root), 0)
}))

test('another thread', inPlace(async (place) => {
  const packed = place.keep(pack(null))
  const worker = new Worker(inRoot('dist/tests/packed/writing-child.js'), {
    workerData: packed.token(),
  })
  const attempts = await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  assert.equal(attempts, REFUSED)
  assert.is(firstOf(packed.root), 0)
}))

test('not even through the descriptor of its memory', inPlace((place) => {
  const packed = place.keep(pack(null))
  const opened = readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('/memfd:rstore')
    } catch {
      return false
    }
  })
  assert.ok(opened.length > 0)
  for (const fd of opened) {
    assert.throws(() => writeSync(openSync(`/proc/self/fd/${fd}`, 'r+'), 'x'), /EPERM/)
  }
  assert.is(firstOf(packed.root), 0)
}))

test.run()
