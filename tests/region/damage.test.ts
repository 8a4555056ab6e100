/**
 * Random damage to a closed region: reading it ends, in what was stored or in an RStoreError;
 * verify() reports and never throws.
 */
import { copyFileSync, statSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { Region, RStoreError, t } from '../../lib/index.js'
import { writeBytes } from '../harness/region-bytes.js'
import { wait } from '../harness/until.js'
import { withRegion, type Place } from '../harness/with-region.js'
import { printedSeed, Random } from '../processes/random.js'

const test = suite('damage')

const City = t.struct('City', {
  name: t.string,
  population: t.u32,
  at: t.struct('At', { lat: t.f64, lon: t.f64 }),
  tags: t.array(t.string),
  blob: t.bytes,
  optional: t.optional(t.string),
  numbers: t.array(t.f64),
  inner: t.map(t.u32, t.string),
  kind: t.enum('a', 'b'),
  any: t.json,
})

type AnyRegion = Pick<Region, 'map' | 'multimap' | 'value'>

const collections = (region: AnyRegion) =>
  [
    region.map('cities', t.string, City),
    region.map('u32', t.u32, t.u32),
    region.map('f64', t.f64, t.string),
    region.map('u64', t.u64, t.bytes),
    region.map('wide', t.string, t.array(t.f64)),
  ] as const

function fill(place: Place): string {
  const region = place.create({ capacity: '16MiB' }, 'good.region')
  const [cities, u32, f64, u64, wide] = collections(region)
  const pairs = region.multimap('pairs', t.string, t.u32)
  region.transact(() => {
    for (let i = 0; i < 150; i++) {
      cities.set(`city ${i}`, {
        name: `name ${i}`,
        population: i,
        at: { lat: i, lon: i },
        tags: ['x', `y${i}`],
        blob: new Uint8Array(i * 3),
        numbers: [i, i + 1],
        inner: [
          [i, 'inner'],
          [i + 1, 'more'],
        ],
        kind: 'b',
        any: { i, list: [1, 'a'] },
      })
      u32.set(i * 7, i)
      u32.set(i * 7 + 1, i)
      f64.set(i / 3, `value ${i}`)
      u64.set(BigInt(i) << 33n, new Uint8Array(i))
      wide.set(
        `${'long key '.repeat(i % 60)}${i}`,
        Float64Array.from({ length: i }, (_, j) => j),
      )
      pairs.add(`pair ${i % 20}`, i)
    }
    for (let i = 0; i < 2000; i++) u32.set(10_000 + i, i)
    region.value('value', t.json).set({ hello: 'world' })
  })
  region.transact(() => {
    for (let i = 0; i < 150; i += 3) cities.delete(`city ${i}`)
  })
  region.close()
  return region.path!
}

/** Looks at everything; each map by itself, so that damage in one does not hide the others. */
function readAll(region: AnyRegion, expectKnown: (error: unknown) => void): void {
  const attempt = (read: () => void): void => {
    try {
      read()
    } catch (error) {
      expectKnown(error)
    }
  }
  for (let i = 0; i < 5; i++) {
    attempt(() => {
      const map = collections(region)[i] as ReturnType<typeof collections>[0]
      attempt(() => {
        for (const key of map.keys()) attempt(() => map.getObject(key))
      })
      attempt(() => {
        for (const _ of map.entries({ reverse: true, limit: 500 })) continue
      })
      attempt(() => map.count())
    })
  }
  attempt(() => {
    for (const _ of region.multimap('pairs', t.string, t.u32).entries()) continue
  })
  attempt(() => region.value('value', t.json).get())
}

const interesting = [
  0, 1, 2, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1000_0000, 0x0fff_ffff,
]

function damage(path: string, random: Random): void {
  const pages = statSync(path).size / C.PAGE_BYTES
  const first = C.ALLOCATION_PAGE
  for (let i = random.below(3); i >= 0; i--) {
    let page = first + random.below(pages - first)
    if (random.below(4) === 0) page = first + random.below(3)
    const word = Buffer.alloc(4)
    word.writeUInt32LE(
      random.below(2) === 0
        ? interesting[random.below(interesting.length)]!
        : Math.floor(random.next() * 2 ** 32),
    )
    writeBytes(
      path,
      page * C.PAGE_BYTES + random.below(random.below(2) === 0 ? 24 : 1023) * 4,
      word,
    )
  }
}

/** What a caller may be told: an operation that failed. Anything else is our own bug. */
function isKnown(error: unknown): boolean {
  const isOfKey = error instanceof TypeError && error.message.includes('the key must be')
  return isOfKey || (error instanceof RStoreError && error.message.length > 20)
}

test(
  'random words in random pages',
  withRegion(async (place) => {
    const good = fill(place)
    const seed = printedSeed(1)
    const until = performance.now() + 6_000
    const unknown = new Set<string>()
    let runs = 0
    for (; runs < 300 && performance.now() < until; runs++) {
      const random = new Random(seed + runs)
      const path = place.path('bad.region')
      copyFileSync(good, path)
      damage(path, random)
      const report = (error: unknown): void => {
        if (!isKnown(error)) unknown.add(`seed ${seed + runs}: ${(error as Error).stack}`)
      }
      let region: ReturnType<Place['openReadOnly']> | undefined
      try {
        region = Region.open(path, { readOnly: true })
      } catch (error) {
        report(error)
        continue
      }
      readAll(region as unknown as AnyRegion, report)
      const { problems } = await region.verify()
      assert.ok(Array.isArray(problems))
      region.close()
    }
    console.log(`${runs} runs`)
    assert.equal([...unknown].slice(0, 3), [], 'neither read nor RStoreError')
  }),
)

test(
  'changing a damaged region ends, and close() too',
  withRegion(async (place) => {
    const good = fill(place)
    const seed = printedSeed(1)
    const until = performance.now() + 4_000
    for (let runs = 0; runs < 200 && performance.now() < until; runs++) {
      const random = new Random(seed + runs)
      const path = place.path('bad.region')
      copyFileSync(good, path)
      damage(path, random)
      let region: Region
      try {
        region = Region.open(path, { durability: 'none' })
      } catch {
        continue
      }
      for (let round = 0; round < 4; round++) {
        try {
          region.transact(() => {
            const [cities, u32] = collections(region)
            for (let i = 0; i < 40; i++) {
              cities.delete(`city ${random.below(150)}`)
              u32.set(random.below(20_000), i)
              u32.delete(random.below(2000))
            }
          })
        } catch (error) {
          assert.instance(error, Error)
        }
      }
      region.close()
    }
  }),
)

test(
  'each of several checks at once tells of the damage',
  withRegion(async (place) => {
    const made = place.create({ capacity: '256MiB' })
    const bytes = made.map('bytes', t.u32, t.bytes)
    made.transact(() => {
      for (let i = 0; i < 8; i++) bytes.set(i, new Uint8Array(8 << 20).fill(7))
    })
    made.close()
    writeBytes(place.path(), 60_000, Uint8Array.of(1))
    place.expectDamage()
    const region = place.open()
    const checks = [region.verify(), region.verify()]
    await wait(5)
    checks.push(region.verify())
    for (const { ok, problems } of await Promise.all(checks)) {
      assert.not(ok)
      assert.equal(problems.map(({ code }) => code), ['PAGE_CHECKSUM'])
    }
  }),
)

test.run()
