/** Compaction: what is kept, what is given back, who is disturbed. */
import {
  closeSync, existsSync, openSync, readdirSync, statSync, symlinkSync, writeSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Region, type VerifyReport } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import {
  nextTurn, rejected, thrown, verifyFile, withRegion, type Place,
} from '../harness/with-region.js'
import { checkOptions } from '../../lib/region/base/options.js'
import { View } from '../../lib/region/live/view.js'
import { check, fill, Tag, Town, townOf } from './shapes.js'

const test = suite('compact')

test('keeps everything, and takes what a fresh load takes', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 2_000)
  const { before, after } = await region.compact()
  assert.is(after, statSync(place.path()).size)
  assert.ok(before > after * 3, `${before} → ${after}`)
  check(region, 2_000)
  const fresh = place.create({ capacity: '64MiB' }, 'fresh')
  fill(fresh, 200, 1)
  await fresh.compact()
  // The multimap has all its pairs still; the towns are as many as in the fresh one.
  const pairs = place.create({ capacity: '64MiB' }, 'pairs')
  const source = region.multimap('by even', t.string, t.u32)
  pairs.transact(() => {
    const to = pairs.multimap('by even', t.string, t.u32)
    for (const [key, value] of source.entries()) to.add(key, value)
  })
  const expected = statSync(place.path('fresh')).size
  assert.ok(after < expected * 1.1 + pairs.stats().allocatedBytes, `${after}, fresh ${expected}`)
}))

test('a region of which 90 % was deleted takes 1.1 times a bulk load', withRegion(async (place) => {
  const Row = t.struct('Row', { name: t.string, at: t.f64 })
  const rowOf = (i: number) => ({ name: `the row with the number ${i}`, at: i / 7 })
  const region = place.create({ capacity: '64MiB' })
  const rows = region.map('rows', t.u32, Row)
  region.transact(() => {
    for (let i = 0; i < 30_000; i++) rows.set(i * 7919 % 30_000, rowOf(i * 7919 % 30_000))
  })
  region.transact(() => { for (let i = 0; i < 30_000; i++) if (i % 10 !== 0) rows.delete(i) })
  const { after } = await region.compact()
  const fresh = place.create({ capacity: '64MiB' }, 'fresh')
  await fresh.map('rows', t.u32, Row).bulkLoad(
    Array.from({ length: 3_000 }, (_, i) => [i * 10, rowOf(i * 10)] as const))
  fresh.close()
  const expected = statSync(place.path('fresh')).size
  assert.ok(after <= expected * 1.1, `${after} bytes, a bulk load takes ${expected}`)
  assert.is(rows.get(990)!.name, rowOf(990).name)
}))

test('a multimap whose cell stays where it was, while its tree moves', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    const map = region.map('m', t.f64, t.u32)
    const pairs = region.multimap('mm', t.string, t.u32)
    region.transact(() => {
      for (let i = 0; i < 5_000; i++) {
        map.set(i * 1.5, i)
        pairs.add(`g${i % 50}`, i)
      }
    })
    region.transact(() => {
      for (let i = 0; i < 5_000; i++) {
        if (i % 10 === 3) continue
        map.delete(i * 1.5)
        pairs.remove(`g${i % 50}`, i)
      }
    })
    const kept = [...pairs.entries()]
    const readers = [pairs, place.openReadOnly().multimap('mm', t.string, t.u32)]
    assert.equal([...readers[1]!.entries()], kept)
    const placeOf = (): [number, number] => {
      const { root } = region.catalog.directory.find('mm')!
      return [root, region.session.space.windows[0]!.u32[root * 2 + 2]!]
    }
    const [cell, tree] = placeOf()
    await region.compact()
    const [cellNow, treeNow] = region.read(placeOf)
    assert.ok(cellNow === cell && treeNow !== tree, 'the case that is meant')
    for (const reader of readers) assert.equal([...reader.entries()], kept)
    region.transact(() => pairs.add('new', 1))
    await nextTurn()
    assert.ok(readers[1]!.has('new', 1))
  }))

test('handles move over: maps, indexes, iterators, writers, snapshots stay', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    fill(region, 1_000)
    const towns = region.map('towns', t.string, Town)
    const reader = place.openReadOnly()
    const read = reader.map('towns', t.string, Town)
    const walk = read.keys()
    const pairs = reader.multimap('by even', t.string, t.u32).entries()
    assert.is(walk.next().value, 'town 000000')
    assert.equal(pairs.next().value, ['even', 0])
    const snapshot = place.keep(reader.snapshot())
    const kept = snapshot.map('towns', t.string, Town)
    const writer = place.open()
    const more = writer.map('towns', t.string, Town)
    const tag = writer.map('tags', t.u32, Tag)
    await region.compact()
    assert.is(kept.get('town 000990')!.people, 990)
    assert.is(read.get('town 000990')!.people, 990)
    assert.is(walk.next().value, 'town 000010')
    assert.equal(pairs.next().value, ['even', 2])
    writer.transact(() => {
      tag.set(1, { name: 'a tag made after' })
      more.set('town new', townOf(7, writer.value('tag', t.ref(() => Tag)).get()! as never))
    })
    await nextTurn()
    assert.is(read.size, 101)
    assert.is(kept.size, 100)
    assert.is(towns.index('by people', 'people').get(7)!.people, 7)
    await nextTurn()
    await writer.compact()
    await region.compact()
    assert.is(read.size, 101)
    assert.is(kept.get('town 000990')!.people, 990)
    for (const handle of [region, writer]) handle.read(() => {})
    assert.is(reader.readers().length, 3, 'all on the newest file')
    assert.equal(region.names().map(({ name }) => name), ['by even', 'tag', 'tags', 'towns'])
    const backup = place.path('backup')
    await region.backup(backup)
    await verifyFile(backup)
    region.transact(() => towns.delete('town new'))
    snapshot.close()
    check(reader as unknown as Region, 1_000)
  }))

test('epochs() goes on in the new file, also of an idle handle', withRegion(async (place) => {
  const region = place.create({ capacity: '8MiB' })
  const numbers = region.map('numbers', t.u32, t.u32)
  const idle = place.openReadOnly()
  const epochs = idle.epochs()[Symbol.asyncIterator]()
  const first = epochs.next()
  await nextTurn()
  region.transact(() => numbers.set(1, 1))
  const before = (await first).value!
  await region.compact()
  const compacted = (await epochs.next()).value!
  assert.ok(compacted > before, `${compacted} after ${before}`)
  const third = epochs.next()
  region.transact(() => numbers.set(2, 2))
  assert.ok((await third).value! > compacted)
  await epochs.return!()
}))

test('busy while somebody writes, and nobody else of this thread may write meanwhile', withRegion(
  async (place) => {
    const region = place.create({ capacity: '8MiB' })
    fill(region, 200)
    const other = place.open({ timeoutMs: 50 })
    let refused: Promise<unknown> = Promise.resolve()
    other.transact(() => {
      refused = rejected('RSTORE_BUSY', region.compact(undefined, { timeoutMs: 10 }))
    })
    await refused
    const compacting = region.compact()
    thrown('RSTORE_BUSY', () => other.transact(() => {}))
    await compacting
    other.transact(() => other.map('more', t.u32, t.u32).set(1, 1))
    check(region, 200)
  }))

test('into another file: a region of its own', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 2_000)
  const to = place.path('out')
  const { before, after } = await region.compact(to)
  assert.ok(after < before)
  await rejected('RSTORE_EXISTS', region.compact(to))
  const copy = place.open({}, 'out')
  check(copy, 2_000)
  copy.transact(() => copy.dropMap('towns'))
  check(region, 2_000)
  assert.not(existsSync(`${to}.compact.tmp`))
}))

test('a process that exits amid one leaves no copy behind', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 2_000, 1)
  for (const to of [[], [place.path('out')]]) {
    const child = new Child('dist/tests/compact/exiting-child.js', [place.path(), ...to])
    assert.is((await child.ended).code, 7, child.errorOutput)
    assert.equal(readdirSync(place.folder).sort(),
      ['test.region', 'test.region-lock', 'test.region-wal'])
  }
  check(region, 2_000, 1)
}))

test('an aborted one leaves everything as it was', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 2_000, 1)
  const abort = new AbortController()
  const compacting = region.compact(undefined, {
    signal: abort.signal, onProgress: () => abort.abort(new Error('enough')),
  })
  try {
    await compacting
    assert.unreachable('it was not aborted')
  } catch (error) {
    assert.is((error as Error).message, 'enough')
  }
  assert.equal(readdirSync(place.folder).sort(),
    ['test.region', 'test.region-lock', 'test.region-wal'])
  region.transact(() => region.map('more', t.u32, t.u32).set(1, 1))
  check(region, 2_000, 1)
}))

test('what write() was given meanwhile is in the compacted file', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 2_000)
  const other = place.open()
  const written = region.map('written', t.u32, t.u32)
  const alike = other.map('written', t.u32, t.u32)
  const before = statSync(place.path()).ino
  const writes: Promise<unknown>[] = []
  let calls = 0
  const onProgress = (): void => {
    const key = 2 * calls++
    writes.push(region.write(() => written.set(key, key)))
    writes.push(other.write(() => alike.set(key + 1, key + 1)))
    thrown('RSTORE_BUSY', () => region.transact(() => {}))
  }
  const compacting = region.compact(undefined, { onProgress })
  writes.push(region.write(() => written.set(1_000_000, 1)))
  await compacting
  await Promise.all(writes)
  assert.ok(calls > 1)
  assert.is.not(statSync(place.path()).ino, before)
  assert.is(written.size, 2 * calls + 1)
  assert.is(written.get(2 * calls - 1), 2 * calls - 1)
  check(region, 2_000)
}))

test('write() waits for it as long as timeoutMs says, and for nothing after close', withRegion(
  async (place) => {
    const region = place.create({ capacity: '8MiB', timeoutMs: 100 })
    const map = region.map('m', t.u32, t.u32)
    const holder = place.keep(new View(region.path!, checkOptions().native))
    holder.beginLong(0)
    const began = performance.now()
    await rejected('RSTORE_BUSY', region.write(() => map.set(1, 1)))
    assert.ok(performance.now() - began > 95)
    setTimeout(() => holder.rollback(), 20)
    await region.write(() => map.set(2, 2))
    assert.equal([...map.keys()], [2])
    holder.beginLong(0)
    const late = rejected('RSTORE_CLOSED', region.write(() => map.set(3, 3)))
    await nextTurn()
    region.close()
    holder.rollback()
    await late
  }))

for (const [label, count] of [['small', 100], ['more than 65,536 cells', 70_000]] as const) {
  test(`aborted or thrown by any call of onProgress, it ends with the reason: ${label}`, withRegion(
    async (place) => {
      const region = place.create({ capacity: '64MiB' })
      const map = region.map('records', t.u32, t.struct('Record', { n: t.f64 }))
      region.transact(() => { for (let i = 0; i < count; i++) map.set(i, { n: i }) })
      const calls = await callsOf((onProgress) =>
        region.compact(place.path('all'), { onProgress }))
      assert.ok(calls.some((ratio) => ratio > 0.5 && ratio < 1) || count === 100)
      const files = readdirSync(place.folder).sort()
      // Turns are as long as they are: what is asked for is the first call from there on.
      for (const from of new Set([0, 0.5, ...calls.filter((ratio) => ratio > 0.5)])) {
        for (const [to, throws] of [
          [undefined, false], [undefined, true], [place.path('other'), false],
        ] as const) {
          const abort = new AbortController()
          const reason = new Error(`enough at ${from}`)
          const onProgress = (done: number, total: number): void => {
            if (done / total < from) return
            if (throws) throw reason
            abort.abort(reason)
          }
          const compacting = region.compact(to, { signal: abort.signal, onProgress })
          assert.is(await compacting.catch((error: unknown) => error), reason)
          assert.equal(readdirSync(place.folder).sort(), files)
        }
      }
      const reason = new Error('enough of verifying')
      const verifying = region.verify({ onProgress: () => { throw reason } })
      assert.is(await verifying.catch((error: unknown) => error), reason)
    }))
}

/** What onProgress is told of an undisturbed run. */
async function callsOf(
  run: (onProgress: (done: number, total: number) => void) => Promise<unknown>,
): Promise<number[]> {
  const calls: number[] = []
  await run((done, total) => { calls.push(done / total) })
  return calls
}

test('a damaged region is refused: its damage gets no new checksums', withRegion(async (place) => {
  const region = place.create({ capacity: '8MiB' })
  region.transact(() => region.map('bytes', t.u32, t.bytes).set(1, new Uint8Array(100_000).fill(7)))
  region.close()
  assert.ok((await checked(place)).ok)
  const file = openSync(place.path(), 'r+')
  writeSync(file, Buffer.from([1]), 0, 1, 60_000)
  closeSync(file)
  place.expectDamage()
  const report = await checked(place)
  assert.equal(report.problems.map(({ code }) => code), ['PAGE_CHECKSUM'])
  await rejected('RSTORE_CORRUPT', place.open().compact())
}))

async function checked(place: Place): Promise<VerifyReport> {
  const region = place.openReadOnly()
  const report = await region.verify()
  region.close()
  return report
}

test('a link to a region is the region', withRegion(async (place) => {
  const region = place.create({ capacity: '8MiB' })
  fill(region, 200)
  symlinkSync(place.path(), place.path('link'))
  const linked = place.open({}, 'link')
  await linked.compact()
  linked.transact(() => linked.map('more', t.u32, t.u32).set(1, 1))
  assert.is(region.map('more', t.u32, t.u32).get(1), 1)
  check(region, 200)
}))

test.run()
