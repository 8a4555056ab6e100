/** write(), transact(), savepoints, durability, flush, checkpoint, backup. */
import { copyFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t, type RStoreError } from '../../lib/index.js'
import { fingerprint } from '../harness/region-bytes.js'
import {
  nextTurn,
  rejected,
  thrown,
  verifyFile,
  withRegion,
  type Place,
} from '../harness/with-region.js'

const test = suite('write')

function withMap(place: Place, options = {}) {
  const region = place.create({ capacity: '8MiB', ...options })
  return { region, map: region.map('numbers', t.u32, t.u32) }
}

test(
  'the calls of one turn are one commit, in order',
  withRegion(async (place) => {
    const { region, map } = withMap(place)
    const { epoch } = region.stats()
    const order: number[] = []
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        region.write(() => {
          order.push(n)
          map.set(n, n)
          return map.size
        }),
      ),
    )
    assert.equal(
      [results, order],
      [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
    )
    assert.is(region.stats().epoch, epoch + 1)
    let inMicrotask: Promise<void> | undefined
    const first = region.write(() => map.set(5, 5))
    await Promise.resolve().then(() => {
      inMicrotask = region.write(() => map.set(6, 6))
    })
    await Promise.all([first, inMicrotask])
    assert.is(region.stats().epoch, epoch + 2, 'what microtasks add comes along')
  }),
)

test(
  'one that throws is rejected alone',
  withRegion(async (place) => {
    const { region, map } = withMap(place)
    const results = await Promise.allSettled([
      region.write(() => map.set(1, 1)),
      region.write(() => {
        map.set(2, 2)
        map.delete(1)
        throw new Error('mine')
      }),
      region.write(() => map.set(3, map.size)),
    ])
    assert.equal(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.is((results[1] as PromiseRejectedResult).reason.message, 'mine')
    assert.equal(
      [...map.entries()],
      [
        [1, 1],
        [3, 1],
      ],
    )
  }),
)

test(
  'one that fills the region is rejected alone',
  withRegion(async (place) => {
    const region = place.create({ capacity: '1MiB' })
    const blobs = region.map('blobs', t.u32, t.bytes)
    const results = await Promise.allSettled([
      region.write(() => blobs.set(1, new Uint8Array(1000))),
      region.write(() => {
        for (let i = 2; i < 100; i++) blobs.set(i, new Uint8Array(50_000))
      }),
      region.write(() => blobs.set(3, new Uint8Array(1000))),
    ])
    assert.equal(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.is((results[1] as PromiseRejectedResult).reason.code, 'RSTORE_REGION_FULL')
    assert.equal([...blobs.keys()], [1, 3])
  }),
)

test(
  'capacity reached: rolled back, and what is freed can be used again',
  withRegion((place) => {
    const region = place.create({ capacity: '1MiB' })
    const blobs = region.map('blobs', t.u32, t.bytes)
    let count = 0
    const error = thrown('RSTORE_REGION_FULL', () => {
      for (; ; count++) region.transact(() => blobs.set(count, new Uint8Array(10_000).fill(count)))
    })
    assert.ok(error.message.includes('capacity'))
    assert.ok(error.message.includes(place.path()) && error.facts['path'] === place.path())
    assert.ok(count > 80, `${count} of 1 MiB`)
    assert.is(blobs.size, count)
    thrown('RSTORE_REGION_FULL', () =>
      region.transact(() => blobs.set(count, new Uint8Array(10_000))),
    )
    thrown('RSTORE_REGION_FULL', () =>
      region.transact(() => region.alloc(t.bytes, new Uint8Array(2_000_000))),
    )
    thrown('RSTORE_REGION_FULL', () =>
      region.transact(() => {
        region.transact(() => {
          for (let i = 0; i < 50_000; i++) blobs.set(1000 + i, new Uint8Array(8))
        })
      }),
    )
    region.transact(() => {
      for (let i = 0; i < 10; i++) blobs.delete(i)
    })
    region.transact(() => {
      for (let i = 0; i < 8; i++) blobs.set(1000 + i, new Uint8Array(10_000).fill(9))
    })
    for (let i = 10; i < count; i++) assert.ok(blobs.get(i)!.every((byte) => byte === (i & 255)))
  }),
)

const Pair = t.struct('Pair', { a: t.bytes, b: t.bytes })
const full = { a: new Uint8Array(2000), b: new Uint8Array(2 ** 21) }
const small = { a: new Uint8Array(1000), b: new Uint8Array(1000).fill(1) }

for (const [how, inside] of [
  ['commits', () => {}], ['is rolled back', () => { throw new Error('inside') }],
] as const) {
  test(`what spoils a transaction does so though one inside of it ${how}`, withRegion((place) => {
    const region = place.create({ capacity: '1MiB' })
    const map = region.map('pairs', t.u32, Pair)
    const lists = region.map('lists', t.u32, t.struct('List', { of: t.array(t.f64) }))
    const numbers = (fill: number) => ({ of: new Float64Array(1000).fill(fill) })
    region.transact(() => {
      map.set(1, small)
      lists.set(1, numbers(1))
    })
    const goOn = (): void => {
      thrown('RSTORE_REGION_FULL', () => region.transact(inside))
      thrown('RSTORE_REGION_FULL', () => map.set(3, small))
    }
    thrown('RSTORE_REGION_FULL', () => region.transact(() => {
      map.set(2, small)
      thrown('RSTORE_REGION_FULL', () => map.set(1, full))
      goOn()
    }))
    assert.equal([...map.keys()], [1])
    assert.equal(map.get(1)!.b, small.b)
    thrown('RSTORE_STALE_VIEW', () => region.transact(() => {
      thrown('RSTORE_STALE_VIEW', () => region.editArray(lists.get(1)!.of, 0, 5, (elements) => {
        lists.delete(1)
        lists.set(2, numbers(8))
        elements.fill(99)
      }))
      thrown('RSTORE_STALE_VIEW', () => region.transact(inside))
    }))
    assert.equal([...lists.keys()], [1])
    thrown('RSTORE_REGION_FULL', () => {
      Region.pack(place.path('packed'), { root: Pair, capacity: '1MiB' }, (packing) => {
        const pairs = packing.map('pairs', t.u32, Pair)
        pairs.set(1, small)
        thrown('RSTORE_REGION_FULL', () => pairs.set(1, full))
        thrown('RSTORE_REGION_FULL', () => packing.map('others', t.u32, t.u32))
        return small
      })
    })
  }))
}

test(
  'a savepoint that meets the capacity can be caught',
  withRegion((place) => {
    const region = place.create({ capacity: '1MiB' })
    const blobs = region.map('blobs', t.u32, t.bytes)
    region.transact(() => {
      blobs.set(1, new Uint8Array(10))
      thrown('RSTORE_REGION_FULL', () =>
        region.transact(() => {
          for (let i = 2; i < 100; i++) blobs.set(i, new Uint8Array(50_000))
        }),
      )
      blobs.set(2, new Uint8Array(10))
    })
    assert.equal([...blobs.keys()], [1, 2])
  }),
)

test(
  'nested transactions fail alone, and together',
  withRegion((place) => {
    const { region, map } = withMap(place)
    region.transact(() => {
      map.set(1, 1)
      assert.throws(
        () =>
          region.transact(() => {
            map.set(1, 100)
            map.set(2, 2)
            region.transact(() => map.set(3, 3))
            throw new Error('inner')
          }),
        /inner/,
      )
      assert.equal([...map.entries()], [[1, 1]])
      region.transact(() => map.set(4, 4))
      assert.throws(
        () =>
          region.transact(() => {
            for (let i = 10; i < 20_000; i++) map.set(i, i)
            throw new Error('large')
          }),
        /large/,
      )
      assert.is(map.size, 2)
    })
    assert.equal(
      [...map.entries()],
      [
        [1, 1],
        [4, 4],
      ],
    )
    assert.throws(
      () =>
        region.transact(() => {
          region.transact(() => map.set(5, 5))
          throw new Error('outer')
        }),
      /outer/,
    )
    assert.equal(
      [...map.entries()],
      [
        [1, 1],
        [4, 4],
      ],
    )
  }),
)

test(
  'reads and transactions while a write() is being synced',
  withRegion(async (place) => {
    const { region, map } = withMap(place)
    for (let round = 0; round < 30; round++) {
      const promise = region.write(() => map.set(round, 1))
      await nextTurn()
      if (round % 3 === 0) assert.ok([undefined, 1].includes(map.get(round)))
      if (round % 3 === 1) region.transact(() => map.set(round, map.get(round)! + 1))
      if (round % 3 === 2) void region.write(() => map.set(round, map.get(round)! + 1))
      await promise
      await nextTurn()
    }
    await region.write(() => undefined)
    assert.equal(
      [...map.values()],
      Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? 1 : 2)),
    )
  }),
)

test(
  'write() inside of transact(), transact() inside of write()',
  withRegion(async (place) => {
    const { region, map } = withMap(place)
    let inner: Promise<void> | undefined
    region.transact(() => {
      inner = region.write(() => map.set(2, 2))
      map.set(1, 1)
    })
    assert.is(map.has(2), false)
    await inner
    await region.write(() => region.transact(() => map.set(3, 3)))
    await region.write(() => {
      try {
        region.transact(() => {
          map.set(4, 4)
          throw new Error('inner')
        })
      } catch {
        map.set(5, 5)
      }
    })
    assert.equal([...map.keys()], [1, 2, 3, 5])
  }),
)

test(
  'closing with writes under way',
  withRegion(async (place) => {
    const { region, map } = withMap(place)
    const before = region.write(() => map.set(1, 1))
    await nextTurn()
    const queued = region.write(() => map.set(2, 2))
    region.close()
    await before
    await rejected('RSTORE_CLOSED', queued)
    assert.equal([...place.open().map('numbers', t.u32, t.u32).keys()], [1])
  }),
)

/**
 * The region as a crash of the machine at this moment, with all writes on the disk, would leave
 * it.
 */
function copyOf(place: Place, region: Region, name: string): string {
  const path = place.path(name)
  for (const file of Object.keys(fingerprint(region.path!))) {
    if (!file.endsWith('-lock')) copyFileSync(file, file.replace(region.path!, path))
  }
  return path
}

test(
  'closing inside of a write(): what was joined with it does not run',
  withRegion(async (place) => {
    const { region, map } = withMap(place)
    let ran = 0
    const calls = [
      region.write(() => {
        map.set(1, 1)
        region.close()
      }),
      region.write(() => ran++),
      region.write(() => map.set(2, 2)),
    ]
    for (const call of calls) await rejected('RSTORE_CLOSED', call)
    assert.is(ran, 0)
    const again = place.open()
    assert.equal([...again.map('numbers', t.u32, t.u32).keys()], [])
  }),
)

test(
  'what a crash leaves is recovered, and the log is not needed afterwards',
  withRegion(async (place) => {
    const { region, map } = withMap(place)
    region.transact(() => {
      for (let i = 0; i < 1000; i++) map.set(i, i)
    })
    await region.checkpoint()
    region.transact(() => map.set(1, 111), { durability: 'sync' })
    region.transact(() => map.set(2, 222), { durability: 'none' })
    const path = copyOf(place, region, 'crashed.region')
    const crashed = place.open({}, 'crashed.region')
    assert.equal([...crashed.map('numbers', t.u32, t.u32).values()], [...map.values()])
    crashed.close()
    assert.equal(Object.keys(fingerprint(path)), [path], 'one file')
    await verifyFile(path)
  }),
)

test(
  'a log cut or damaged behind a record: the commits before it are there',
  withRegion(async (place) => {
    const { truncateSync, statSync } = await import('node:fs')
    const { region, map } = withMap(place)
    region.transact(() => map.set(0, 0))
    for (let i = 1; i <= 50; i++) region.transact(() => map.set(i, i))
    const whole = copyOf(place, region, 'whole.region')
    const { size } = statSync(`${whole}-wal`)
    for (let i = 0; i < 12; i++) {
      const name = `cut-${i}.region`
      const path = copyOf(place, region, name)
      truncateSync(`${path}-wal`, Math.floor(100 + i * 997))
      truncateSync(`${path}-wal`, size)
      const cut = place.open({}, name)
      const count = cut.names().length === 0 ? 0 : cut.map('numbers', t.u32, t.u32).size
      assert.ok(count <= 51)
      for (let n = 0; n < count; n++) assert.is(cut.map('numbers', t.u32, t.u32).get(n), n)
      cut.close()
      await verifyFile(path)
    }
  }),
)

test(
  'a region whose log is gone after a crash is refused, not opened as if nothing were lost',
  withRegion(async (place) => {
    const { rmSync } = await import('node:fs')
    const { region, map } = withMap(place)
    region.transact(() => map.set(1, 1))
    const path = copyOf(place, region, 'lost.region')
    rmSync(`${path}-wal`)
    const before = fingerprint(path)[path]
    thrown('RSTORE_CORRUPT', () => Region.open(path))
    thrown('RSTORE_CORRUPT', () => Region.open(path, { readOnly: true }))
    assert.is(fingerprint(path)[path], before)
  }),
)

test(
  'a log of another region is refused',
  withRegion(async (place) => {
    const { region, map } = withMap(place)
    region.transact(() => map.set(1, 1))
    const other = place.create({}, 'other.region')
    other.transact(() => other.map('numbers', t.u32, t.u32).set(2, 2))
    const path = copyOf(place, region, 'mixed.region')
    copyFileSync(`${other.path}-wal`, `${path}-wal`)
    thrown('RSTORE_CORRUPT', () => Region.open(path))
    const clean = place.create({}, 'clean.region')
    clean.transact(() => clean.map('numbers', t.u32, t.u32).set(3, 3))
    clean.close()
    copyFileSync(`${other.path}-wal`, `${clean.path}-wal`)
    const opened = place.open({}, 'clean.region')
    assert.equal([...opened.map('numbers', t.u32, t.u32).keys()], [3], 'a clean region needs none')
  }),
)

test(
  'flush and mixed durability',
  withRegion(async (place) => {
    const { region, map } = withMap(place, { durability: 'none' })
    await region.flush()
    for (let i = 0; i < 50; i++) {
      region.transact(() => map.set(i, i), { durability: i % 7 === 0 ? 'sync' : 'none' })
      if (i % 10 === 0) await region.flush()
    }
    const blobs = region.map('blobs', t.u32, t.bytes)
    region.transact(() => blobs.set(1, new Uint8Array(2_000_000).fill(1)), { durability: 'none' })
    region.transact(() => map.set(100, 100), { durability: 'sync' })
    await Promise.all([region.flush(), region.flush(), region.checkpoint(), region.checkpoint()])
    copyOf(place, region, 'copy.region')
    const copy = place.open({}, 'copy.region')
    assert.is(copy.map('numbers', t.u32, t.u32).size, 51)
    assert.is(copy.map('blobs', t.u32, t.bytes).get(1)!.length, 2_000_000)
  }),
)

test(
  'backup while others write',
  withRegion(async (place) => {
    const { region, map } = withMap(place, { logBytes: '1MiB', capacity: '64MiB' })
    const blobs = region.map('blobs', t.u32, t.bytes)
    region.transact(() => {
      for (let i = 0; i < 100; i++) blobs.set(i, new Uint8Array(50_000).fill(0))
      for (let i = 0; i < 100; i++) map.set(i, 0)
    })
    const writer = place.open({ logBytes: '1MiB' })
    const [numbers, others] = [
      writer.map('numbers', t.u32, t.u32),
      writer.map('blobs', t.u32, t.bytes),
    ]
    let progress: [number, number] = [0, 0]
    let done = false
    const copy = place.path('copy.region')
    const backup = region
      .backup(copy, {
        onProgress: (at, of) => {
          progress = [at, of]
        },
      })
      .finally(() => {
        done = true
      })
    let round = 0
    while (!done) {
      round++
      writer.transact(() => {
        for (let i = 0; i < 100; i++) numbers.set(i, round)
        others.set(round % 100, new Uint8Array(50_000).fill(round))
      })
      await nextTurn()
    }
    await backup
    assert.ok(progress[0] === progress[1] && progress[0] > 0, String(progress))
    await rejected('RSTORE_EXISTS', region.backup(copy))
    assert.equal(Object.keys(fingerprint(copy)), [copy], 'self-contained')
    const opened = place.open({}, 'copy.region')
    const values = new Set(opened.map('numbers', t.u32, t.u32).values())
    assert.is(values.size, 1, 'one commit')
    const [at] = values as unknown as [number]
    for (const [i, blob] of opened.map('blobs', t.u32, t.bytes).entries()) {
      const last = at - ((((at - i) % 100) + 100) % 100)
      assert.ok(
        blob.every((byte) => byte === (last <= 0 ? 0 : last & 255)),
        `blob ${i}`,
      )
    }
    opened.transact(() => opened.map('numbers', t.u32, t.u32).set(1, 5))
    opened.close()
    await verifyFile(copy)
  }),
)

test(
  'a backup that cannot be written leaves nothing behind',
  withRegion(async (place) => {
    const { region, map } = withMap(place)
    region.transact(() => map.set(1, 1))
    await region.backup(place.path('none/copy')).then(
      () => assert.unreachable(),
      (error: RStoreError) => assert.ok(error.code.startsWith('RSTORE_')),
    )
    const { readdirSync } = await import('node:fs')
    assert.equal(
      readdirSync(place.folder).filter((name) => name.includes('copy')),
      [],
    )
  }),
)

for (const [name, keyType, keyOf] of [
  ['numbers', t.u32, (i: number) => i],
  ['texts', t.string, (i: number) => `a key of some length ${String(i).padStart(6, '0')}`],
] as const) for (const inner of ['kept', 'undone'] as const) for (const deep of [false, true]) {
  test(
    `a bulk load by ${name}, with nested transactions in its source that are ${inner}, `
      + `is rolled back whole${deep ? ' in a nested one' : ''}`,
    withRegion((place) => {
      const region = place.create({ capacity: '8MiB' })
      const Item = t.struct('Item', { n: t.f64, text: t.string })
      const [map, other] = [region.map('m', keyType as any, Item), region.map('o', t.u32, t.u32)]
      region.transact(() => {
        for (let i = 0; i < 123; i++) map.set(keyOf(i), { n: i, text: `first ${i}` })
      })
      const contents = (): unknown => [...map.entries()].map(([key, { n, text }]) => [key, n, text])
      const before = contents()
      const attempt = (fn: () => void): void => {
        try { region.transact(fn) } catch (error) { assert.match((error as Error).message, 'undo') }
      }
      function* source(): Generator<[unknown, { n: number; text: string }]> {
        for (let i = 123; i < 900; i++) {
          yield [keyOf(i), { n: i, text: `text ${i}` }]
          if (i % 5 !== 3) continue
          attempt(() => {
            other.set(i, i)
            if (inner === 'undone') throw new Error('undo')
          })
        }
      }
      const load = (): void => {
        void map.bulkLoad(source())
        assert.equal([map.size, other.size], [900, inner === 'kept' ? 156 : 0])
        throw new Error('undo')
      }
      if (deep) region.transact(() => attempt(load))
      else attempt(load)
      assert.equal([map.size, other.size], [123, 0])
      assert.equal(contents(), before)
    }),
  )
}

test.run()
