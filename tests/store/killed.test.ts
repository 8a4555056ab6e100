/** Processes that die, damaged and missing files, and who only reads. */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, RStoreError, Store } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { until } from '../harness/until.js'
import { rejected, thrown } from '../harness/with-region.js'
import { newStore, packedFiles, packedIds, packLink, slotsOf } from './shapes.js'

const test = suite('stores: deaths and damage')

/** Every packed region is named by someone, every file known, every count right. */
async function assertExact(dir: string): Promise<void> {
  const store = Store.open(dir)
  const packed = store.list().filter(({ kind }) => kind === 'packed')
  assert.equal(
    packed.filter(({ references }) => references === 0),
    [],
  )
  assert.equal(
    packedFiles(dir),
    packed.map(({ id }) => id).sort((a, b) => a - b),
  )
  assert.equal((await store.verify()).problems, [])
  store.close()
}

for (const others of [false, true]) {
  test(`a process is killed${others ? ' while another has the store open' : ''}`, async () => {
    const { dir, store } = newStore()
    store.region('live')
    if (!others) store.close()
    for (let round = 0; round < 3; round++) {
      const child = new Child<number>('dist/tests/store/dying-child.js', [dir])
      for (let i = 0; i < 3 + round * 2; i++) await child.expect()
      await child.kill()
      if (!others) await assertExact(dir)
    }
    store.close()
    await assertExact(dir)
  })
}

/**
 * Everything that is named has its file, whole; nothing else is there. `losing`: where nobody waits
 * for the disk, a crash of the machine may take what was packed, and tell so.
 */
async function assertNothingLost(dir: string, losing: boolean): Promise<void> {
  const store = Store.open(dir)
  for (const slot of slotsOf(store.region('live')).values()) {
    try {
      if (slot.link !== undefined) assert.is(slot.link.next!.title, 'inner')
    } catch (error) {
      if (!losing || !(error instanceof RStoreError)) throw error
    }
  }
  store.close()
  if (!losing) await assertExact(dir)
}

/** Under a plan for the I/O seam, at a file operation that the seed chooses. */
for (const [what, durability, plan] of [
  ['killed', 'none', (n: number) => `kill@${n}`],
  ['torn by a machine crash', 'sync', (n: number) => `tear:seed=${n}@${n}`],
  ['torn by a machine crash', 'none', (n: number) => `tear:seed=${n}@${n}`],
  ['without room on the disk', 'sync', (n: number) => `fail:ENOSPC@${n}+`],
] as const) {
  const runs = Number(process.env['RSTORE_RUNS'] ?? 6)
  const seed = Date.now() % 1_000_000
  test(`${what} at any operation, durability ${durability}, seed ${seed}`, async () => {
    for (let run = 0; run < runs; run++) {
      const { dir, store } = newStore()
      store.region('live')
      store.close()
      const operation = 20 + (seed * 31 + run * 7919) % 900
      const child = new Child<number>('dist/tests/store/dying-child.js', [dir, durability], {
        RSTORE_TEST_ADDON: 'rstore_test.node', RSTORE_TEST_IO: plan(operation),
      })
      while ((await child.next()) !== undefined);
      try {
        await assertNothingLost(dir, what.startsWith('torn') && durability === 'none')
      } catch (error) {
        throw new Error(`at operation ${operation}: ${(error as Error).message}`, { cause: error })
      }
    }
  })
}

test('two processes: what one names the other sees, and handles of both count', async () => {
  const { dir, store } = newStore()
  const second = Store.open(dir) // another descriptor, as another process has it
  const doc = packLink(store, 'doc', 'd')
  const theirs = second.packed('doc')
  const region = store.region('live')
  region.transact(() => slotsOf(region).set(0, { link: doc }))
  assert.is(slotsOf(second.region('live')).get(0)!.link!.title, 'd')
  store.release('doc')
  doc.close()
  region.transact(() => {
    slotsOf(region).delete(0)
  })
  second.region('live').close()
  await region.checkpoint()
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.is(packedIds(store).length, 1, 'the other one has it open')
  assert.is((theirs.root as { title: string }).title, 'd')
  theirs.close()
  await until('it is gone', () => packedIds(store).length === 0 && packedFiles(dir).length === 0)
  second.close()
  assert.equal((await store.verify()).problems, [])
  store.close()
})

test('a dropped region names nothing any more', async () => {
  const { dir, store } = newStore()
  const second = Store.open(dir)
  const region = second.region('live')
  const slots = slotsOf(region)
  const doc = packLink(second, null, 'd')
  region.transact(() => [0, 2].forEach((key) => slots.set(key, { link: doc })))
  const other = packLink(second, null, 'other')
  region.transact(() => slots.set(3, { link: other }))
  region.transact(() => slots.delete(3))
  store.drop('live')
  thrown('RSTORE_NOT_FOUND', () =>
    region.transact(() => {
      slots.set(0, {})
      slots.set(1, { link: packLink(second, null, 'e') })
    }),
  )
  for (const key of [0, 2]) {
    thrown('RSTORE_NOT_FOUND', () => region.transact(() => slots.delete(key)))
  }
  await rejected('RSTORE_NOT_FOUND', region.write(() => slots.delete(0)))
  assert.is(slots.get(0)!.link!.title, 'd', 'what is open can be read')
  await rejected('RSTORE_NOT_FOUND', region.compact())
  await rejected('RSTORE_NOT_FOUND', region.compact(undefined, { inPlace: true }))
  const copy = join(dir, 'copy')
  await rejected('RSTORE_NOT_FOUND', region.compact(copy))
  assert.not(existsSync(copy))
  assert.is.not(second.region('live'), region)
  second.drop('live')
  second.close()
  store.close()
  await assertExact(dir)
  assert.equal(packedFiles(dir), [])
})

test('a file that is missing, or damaged, is reported; nothing else is lost', async () => {
  const { dir, store } = newStore()
  const region = store.region('live')
  const [inner, lost] = [packLink(store, null, 'inner'), packLink(store, null, 'lost')]
  const outer = packLink(store, 'outer', 'outer', inner)
  const [innerId, lostId, outerId] = [inner, lost, outer].map((packed) => store.idOf(packed))
  region.transact(() => slotsOf(region).set(0, { link: lost }))
  store.close()
  rmSync(join(dir, `${lostId}.packed`))
  const path = join(dir, `${outerId}.packed`)
  chmodSync(path, 0o644)
  writeFileSync(path, readFileSync(path).subarray(0, 5000))
  const copy = temporaryDirectory()
  for (const recounted of [false, true]) {
    const again = Store.open(dir)
    const { problems } = await again.verify()
    assert.equal(problems.map(({ code }) => code).sort(), ['RSTORE_CORRUPT', 'RSTORE_NOT_FOUND'])
    assert.ok(packedIds(again).includes(innerId!), 'the damaged one may name it')
    thrown('RSTORE_NOT_FOUND', () => slotsOf(again.region('live')).get(0)!.link)
    thrown('RSTORE_CORRUPT', () => again.packed('outer'))
    if (!recounted) await again.backup(join(copy, 'x')).catch(() => {})
    again.close()
  }
  const last = Store.open(dir)
  last.release('outer')
  const live = last.region('live')
  live.transact(() => {
    slotsOf(live).delete(0)
  })
  await until(
    'both are gone',
    () => !packedIds(last).includes(outerId!) && !packedIds(last).includes(lostId!),
  )
  last.close()
  await assertExact(dir)
  assert.equal(packedFiles(dir), [])
})

test('only reading changes nothing', async () => {
  const { dir, store } = newStore()
  const region = store.region('live')
  const doc = packLink(store, 'doc', 'd')
  region.transact(() => slotsOf(region).set(0, { link: doc }))
  doc.close()
  store.close()
  const before = readFileSync(join(dir, 'catalog.region'))
  const reader = Store.open(dir, { readOnly: true })
  assert.is(slotsOf(reader.region('live')).get(0)!.link!.title, 'd')
  assert.is((reader.packed('doc').root as { title: string }).title, 'd')
  const live = reader.region('live')
  for (const change of [
    () => packLink(reader, 'x', 'x'),
    () => reader.region('new'),
    () => reader.release('doc'),
    () => reader.drop('live'),
    () => live.transact(() => {}),
  ])
    thrown('RSTORE_READ_ONLY', change)
  assert.equal((await reader.verify()).problems, [])
  reader.close()
  assert.ok(readFileSync(join(dir, 'catalog.region')).equals(before))
  assert.throws(() => Store.open(dir, { readOnly: true, create: true }), TypeError)
})

test('its maker dies before the first commit: it is empty, for whoever may write', () => {
  const dir = temporaryDirectory()
  Region.create(join(dir, 'catalog.region')).close()
  thrown('RSTORE_NOT_FOUND', () => Store.open(dir, { readOnly: true }))
  for (let round = 0; round < 2; round++) {
    const store = Store.open(dir)
    assert.equal(store.list().map(({ name }) => name), round === 0 ? [] : ['live'])
    store.region('live')
    store.close()
  }
  Store.open(dir, { readOnly: true }).close()
})

test('a backup is whole while others pack, name and delete', async () => {
  const { dir, store } = newStore()
  const region = store.region('live')
  const target = `${dir}-copy`
  let done = false
  const copying = store.backup(target).finally(() => {
    done = true
  })
  for (let i = 0; !done || i < 20; i++) {
    const link = packLink(store, i % 3 === 0 ? `n${i}` : null, 'link')
    region.transact(() => slotsOf(region).set(i % 4, { link }))
    link.close()
    await new Promise(setImmediate)
  }
  await copying
  await rejected('RSTORE_EXISTS', store.backup(target))
  store.close()
  await assertExact(target)
  await assertExact(dir)
  rmSync(target, { recursive: true })
  assert.not(existsSync(target))
})

test.run()
