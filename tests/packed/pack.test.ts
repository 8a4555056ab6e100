/** Packing: what comes out, that nothing else does, and that nobody can write to it. */
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, Identity } from '../../formats/index.js'
import {
  DISCARD, evacuateInTurns, Packed, Region, Store, t, type RStoreError, type WritableRegion,
} from '../../lib/index.js'
import type { PackSession } from '../../lib/region/packed/pack-session.js'
import { inPlace, thrown } from '../harness/with-region.js'
import { Atlas, City, fill, type AtlasView } from './shapes.js'

const test = suite('packed regions')
const OPTIONS = { root: Atlas, capacity: '64MiB' } as const

test('what was packed is read by whoever loads it', inPlace(async (place) => {
  const path = place.path('atlas.packed')
  const packed = place.keep(Region.pack(path, OPTIONS, fill(1000))!)
  assert.is(packed.root.title, 'atlas')
  const loaded = place.keep(Packed.load(path, { root: Atlas }))
  assert.is(loaded.root.cities.size, 1000)
  assert.equal(loaded.root.cities.getObject('city 7'), {
    name: 'name 7', population: 7, shape: Float64Array.of(7, 3.5),
  })
  assert.equal((await loaded.verify()).problems, [])
  assert.is(statSync(path).mode & 0o222, 0)
}))

test('permissions are those of a new file, but nobody may write', inPlace((place) => {
  const mask = process.umask(0o027)
  try {
    Region.pack(place.path('x'), OPTIONS, fill(3))!.close()
  } finally {
    process.umask(mask)
  }
  assert.is(statSync(place.path('x')).mode & 0o777, 0o440)
}))

test('permissions as asked for, and a copy of it lets in nobody else', inPlace(async (place) => {
  const mask = process.umask(0o022)
  try {
    for (const [mode, packed, thawed] of [
      [0o600, 0o400, 0o600], [0o640, 0o440, 0o640], [0o666, 0o444, 0o644],
    ] as const) {
      const path = place.path(`of-${mode}`)
      Region.pack(path, { ...OPTIONS, mode }, fill(3))!.close()
      assert.is(statSync(path).mode & 0o777, packed)
      await Packed.thaw(path, `${path}.live`)
      assert.is(statSync(`${path}.live`).mode & 0o777, thawed)
    }
  } finally {
    process.umask(mask)
  }
  const wrong = (): unknown => Region.pack(place.path('x'), { ...OPTIONS, mode: 0o1777 }, fill(3))
  assert.throws(wrong, /mode must be permission bits/)
}))

test('what is there, or not there, is told with what fits packed regions', inPlace((place) => {
  const path = place.path('x')
  const none = thrown('RSTORE_NOT_FOUND', () => Packed.load(path))
  assert.match(none.message, /Region\.pack makes one/)
  Region.pack(path, OPTIONS, fill(3))!.close()
  const again = thrown('RSTORE_EXISTS', () => Region.pack(path, OPTIONS, fill(3)))
  assert.match(again.message, /Packed\.load, or pass \{ replace: true \}/)
  const gone = Region.pack(null, OPTIONS, fill(3))!
  const token = gone.token()
  gone.close()
  const missing = thrown('RSTORE_NOT_FOUND', () => Packed.attach(token))
  assert.match(missing.message, /all who held it have closed it/)
}))

test('a name as long as the file system takes', inPlace((place) => {
  const name = 'n'.repeat(255)
  place.keep(Region.pack(place.path(name), OPTIONS, fill(3))!)
  assert.equal(readdirSync(place.folder), [name])
}))

test('the same input gives the same bytes, another input another name', inPlace((place) => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => place.path(name))
  for (const [path, title] of [[a, 'x'], [b, 'x'], [c, 'y']] as const) {
    Region.pack(path!, OPTIONS, fill(200, title))!.close()
  }
  assert.ok(readFileSync(a!).equals(readFileSync(b!)))
  assert.not.ok(readFileSync(a!).equals(readFileSync(c!)))
}))

test('every way to a root: a view, a plain value, a ref, a map', inPlace((place) => {
  const root = (name: string, type: any, init: (...given: any[]) => unknown): any => {
    const packed = Region.pack(place.path(name), { root: type, capacity: '1MiB' }, init) as Packed
    return place.keep(packed).root
  }
  const named = (_: WritableRegion, own: any): unknown => Object.assign(own, { name: 'v' })
  assert.is(root('view', City, named).name, 'v')
  assert.is(root('plain', City, () => ({ name: 'p', population: 1, shape: [] })).name, 'p')
  const byRef = (region: WritableRegion): unknown =>
    region.alloc(City, { name: 'r', population: 1, shape: [1] })
  assert.is(root('ref', City, byRef).name, 'r')
  const numbers = t.map(t.u32, t.u32)
  const filled = (_: WritableRegion, own: any): unknown => {
    own.set(1, 2)
    return own
  }
  assert.is(root('map', numbers, filled).get(1), 2)
  assert.is(root('number', t.u32, () => 42), 42)
}))

test('an array fresh from a builder may be the root', inPlace(async (place) => {
  const type = t.array(t.u32)
  const store = place.keep(Store.open(place.path('store'), { create: true }))
  for (const count of [0, 3, 1000, 100_000]) {
    const push = (builder: { push(value: number): void }): void => {
      for (let i = 0; i < count; i++) builder.push(i)
    }
    const built = (region: WritableRegion): any => region.buildArray(t.u32, {}, push)
    const finished = async (region: WritableRegion): Promise<any> => {
      const builder = region.arrayBuilder(t.u32, { capacity: count + 1 })
      await Promise.resolve()
      push(builder)
      region.buildArray(t.u32, {}, push)  // nobody's: freed
      return builder.finish()
    }
    const path = place.path(`array ${count}`)
    const options = { root: type, replace: true }
    for (const packed of [
      Region.pack(path, options, built),
      await Region.pack(path, options, finished),
      Region.pack(null, { root: type }, built),
      store.pack(`array ${count}`, { root: type }, built),
    ] as Packed<any>[]) {
      place.keep(packed)
      const expected = Uint32Array.from({ length: count }, (_, i) => i)
      assert.equal(Uint32Array.from(packed.root), expected)
      assert.equal((await packed.verify()).problems, [])
    }
  }
}))

test('a root that is freed is not published, and the old file stays', inPlace((place) => {
  const path = place.path('city')
  const options = { root: City, capacity: '1MiB', replace: true } as const
  const city = (name: string): any => ({ name, population: 1, shape: [] })
  place.keep(Region.pack(path, options, (): any => city('old')) as any)
  const freed = (region: WritableRegion): any => {
    const ref = region.alloc(City, city('new'))
    region.free(ref)
    return ref
  }
  thrown('RSTORE_DANGLING_REF', () => Region.pack(path, options, freed))
  const publishing = { replace: true, sync: false }
  const frozen = (region: WritableRegion): any =>
    (region.session as PackSession).freeze(freed(region), City as any, publishing)
  thrown('RSTORE_DANGLING_REF', () => Region.pack(path, options, frozen))
  assert.equal(readdirSync(place.folder), ['city'])
  assert.is((place.keep(Packed.load(path, { root: City })) as Packed<any>).root.name, 'old')
}))

test('nothing is left behind by a throw, DISCARD or a forgotten return', inPlace(async (place) => {
  const path = place.path('none')
  const failing = (): never => { throw new Error('on purpose') }
  assert.throws(() => Region.pack(path, OPTIONS, failing), /on purpose/)
  assert.is(Region.pack(path, OPTIONS, () => DISCARD), undefined)
  assert.throws(() => Region.pack(path, OPTIONS, (() => undefined) as never), TypeError)
  const later = async (): Promise<AtlasView> => failing()
  await Region.pack(path, OPTIONS, later).then(() => assert.unreachable(), () => {})
  const discarding = async (): Promise<typeof DISCARD> => DISCARD
  assert.is(await Region.pack(path, OPTIONS, discarding), undefined)
  assert.equal(readdirSync(place.folder), [])
}))

test('a root that is elsewhere', inPlace((place) => {
  const other = place.create({ capacity: '1MiB' })
  const ref = other.transact(() => other.alloc(City, { name: 'other', population: 1, shape: [] }))
  thrown('RSTORE_FOREIGN_REF', () =>
    Region.pack(place.path('x'), { root: City, capacity: '1MiB' }, () => other.deref(ref)))
  thrown('RSTORE_FOREIGN_REF', () =>
    Region.pack(place.path('x'), { root: City, capacity: '1MiB' }, () => 0x1fff_ffff as never))
  other.transact(() => other.free(ref))
  assert.not.ok(existsSync(place.path('x')))
}))

test('replacing: who has the old one mapped goes on with it', inPlace((place) => {
  const path = place.path('atlas')
  const old = place.keep(Region.pack(path, OPTIONS, fill(1, 'old'))!)
  const fresh = place.keep(Region.pack(path, { ...OPTIONS, replace: true }, fill(1, 'fresh'))!)
  assert.equal([old.root.title, fresh.root.title], ['old', 'fresh'])
}))

// RSTORE_EVERY_BYTE tries all 36,864 bytes of the file, which takes some minutes: in November 2026
// every one of them was reported, or was padding.
test('each byte flipped in turn is reported, or was padding', inPlace(async (place) => {
  const path = place.path('atlas')
  Region.pack(path, { root: Atlas, capacity: '1MiB' }, fill(20))!.close()
  const expected = JSON.stringify(readAll(path))
  chmodSync(path, 0o644)
  const bytes = readFileSync(path)
  // A prime, so that places in pages differ.
  const step = process.env['RSTORE_EVERY_BYTE'] === undefined ? 89 : 1
  for (let at = 0; at < bytes.length; at += at < Identity.bytes ? Math.min(step, 7) : step) {
    bytes[at]! ^= 0x55
    writeFileSync(path, bytes)
    const seen = readOrCode(path)
    if (seen === expected) {
      assert.ok(isPadding(at), `byte ${at} was changed, and nobody noticed`)
    } else {
      assert.match(seen, /^RSTORE_/)
    }
    bytes[at]! ^= 0x55
  }
}))

/** Slots of live regions, and the table's own entries for pages without checksums. */
function isPadding(at: number): boolean {
  const page = Math.floor(at / C.PAGE_BYTES)
  return page === C.FIRST_SLOT_PAGE || page === C.FIRST_SLOT_PAGE + 1 || page === C.CHECKSUM_PAGE
}

function readAll(path: string, verify: 'none' | 'lazy' = 'none'): unknown {
  const packed = Packed.load(path, { verify, root: Atlas })
  try {
    const cities = Array.from(packed.root.cities, ([key, city]) => [key, city.toObject()])
    return [packed.root.title, cities]
  } finally {
    packed.close()
  }
}

function readOrCode(path: string): string {
  try {
    return JSON.stringify(readAll(path, 'lazy'))
  } catch (error) {
    return (error as RStoreError).code ?? String(error)
  }
}

test('in memory, for threads: freed when the last of them lets go', inPlace(async (place) => {
  const packed = place.keep(Region.pack(null, OPTIONS, fill(50))!)
  const token = packed.token()
  assert.is(packed.path, null)
  const index = new URL('../../lib/index.js', import.meta.url).href
  const worker = new Worker(`
    import(${JSON.stringify(index)}).then(({ Packed }) => {
      const { parentPort, workerData } = require('node:worker_threads')
      const packed = Packed.attach(workerData)
      parentPort.once('message', () => {
        parentPort.postMessage(packed.root.cities.get('city 9').name)
        packed.close()
        parentPort.close()
      })
      parentPort.postMessage(packed.root.cities.size)
    })`, { eval: true, workerData: token })
  const next = (): Promise<unknown> => new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  assert.is(await next(), 50)
  packed.close()
  worker.postMessage('go on')
  assert.is(await next(), 'name 9')
  await new Promise((resolve) => worker.once('exit', resolve))
  thrown('RSTORE_NOT_FOUND', () => Packed.attach(token))
}))

test('a live copy is mutated in place, the packed file stays', inPlace(async (place) => {
  const path = place.path('atlas')
  Region.pack(path, OPTIONS, fill(10))!.close()
  const before = readFileSync(path)
  await Packed.thaw(path, place.path('live'))
  const live = place.open({}, 'live')
  const root = live.value('root', Atlas)
  live.transact(() => {
    root.get()!.title = 'changed'
    root.get()!.cities.set('new', { name: 'n', population: 1, shape: [1, 2, 3] })
  })
  assert.equal([root.get()!.title, root.get()!.cities.size], ['changed', 11])
  assert.equal((await live.verify()).problems, [])
  await Packed.thaw(path, place.path('live')).then(() => assert.unreachable(),
    ({ code }: RStoreError) => assert.is(code, 'RSTORE_EXISTS'))
  assert.ok(readFileSync(path).equals(before))
}))

test('a full region leaves nothing behind', inPlace((place) => {
  thrown('RSTORE_REGION_FULL', () =>
    Region.pack(place.path('x'), { root: Atlas, capacity: '1MiB' }, fill(100_000)))
  assert.equal(readdirSync(place.folder), [])
}))

test('evacuated in turns: the same as at once, and nothing when it is broken off', inPlace(
  async (place) => {
    const source = place.keep(Region.create(place.path('source'), { capacity: '64MiB' }))
    const cities = source.map('cities', t.u32, City)
    source.transact(() => {
      for (let i = 0; i < 30_000; i++) {
        cities.set(i, { name: `city ${i}`, population: i, shape: [i, i + 0.5] })
      }
    })
    const snapshot = place.keep(source.snapshot())
    const type = t.map(t.u32, City)
    const settings = { root: type, capacity: '64MiB' } as const
    const before = readdirSync(place.folder)
    const abort = new AbortController()
    let turns = 0
    let unfinished: WritableRegion | undefined
    const broken = Region.pack(place.path('packed'), settings, async (target) => {
      unfinished = target
      await evacuateInTurns(snapshot, target, {
        signal: abort.signal,
        onProgress: () => {
          if (++turns === 1) setImmediate(() => { abort.abort(); target.close() })
        },
      })
      return target.map('cities', t.u32, City)
    })
    const ended = broken.then(() => '', (error: Error) => error.name)
    while (!abort.signal.aborted) await new Promise(setImmediate)
    assert.equal(readdirSync(place.folder), before, 'from the moment it is closed')
    assert.is(await ended, 'AbortError')
    assert.equal(readdirSync(place.folder), before)
    assert.throws(() => unfinished!.names())

    const packed = place.keep((await Region.pack(place.path('packed'), settings, async (target) => {
      await evacuateInTurns(snapshot, target)
      return target.map('cities', t.u32, City)
    }))!)
    assert.is(packed.root.size, 30_000)
    assert.equal(packed.root.getObject(29_999), cities.getObject(29_999))
    assert.equal((await packed.verify()).problems, [])
    assert.is((await evacuateInTurns(snapshot, source).catch((error) => error)).name, 'TypeError')
  }))

test('an empty root that does not fit is told; init is not called as if the type had none', inPlace(
  (place) => {
    const text = 'x'.repeat(2 ** 21)
    const root = t.struct('Large', { text: t.default(t.string, text) })
    thrown('RSTORE_REGION_FULL', () =>
      Region.pack(place.path('x'), { root, capacity: '1MiB' }, () => assert.unreachable() as never))
    assert.equal(readdirSync(place.folder), [])
    // What has to name something cannot be empty, and all else can.
    const City = t.struct('City', { name: t.string })
    const seen: unknown[] = []
    const rootOf = (type: any): unknown => {
      const init = (_region: unknown, empty: unknown): symbol => {
        seen.push((empty as { toObject?(): unknown } | undefined)?.toObject?.())
        return DISCARD
      }
      void Region.pack(null, { root: type, capacity: '1MiB' }, init as never)
      return seen.pop()
    }
    const ref = t.ref(() => City)
    assert.is(rootOf(t.struct('A', { city: ref })), undefined)
    assert.is(rootOf(t.struct('B', { pair: t.tuple(t.u8, ref) })), undefined)
    assert.is(rootOf(t.struct('C', { link: t.packed(City) })), undefined)
    assert.equal(rootOf(t.struct('D', { city: t.optional(ref), n: t.u8 })),
      { city: undefined, n: 0 })
  }))

test.run()
