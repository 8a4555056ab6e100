/** What snapshots of other processes name: of a file that was compacted since, or dropped. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Store, t, type Region } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { until } from '../harness/until.js'
import { gone, newStore, packedFiles, packedIds, packLink, Slot, slotsOf } from './shapes.js'

const test = suite('stores: snapshots of other processes')

type Answer = { answer: unknown } | { code: string }

interface Scene {
  dir: string
  store: Store
  region: Region
  /** Has a snapshot in which slot 1 names 'seen', and has not read it. */
  reader: Child<Answer>
  ask(what: string): Promise<Answer>
}

/** Brings the log into the file, and lets what was queued be carried out. */
async function settle(region: Region): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await region.checkpoint()
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

const withReader = (body: (scene: Scene) => Promise<void>) => async (): Promise<void> => {
  const { dir, store } = newStore()
  const region = store.region('live')
  const link = packLink(store, null, 'seen')
  region.transact(() => slotsOf(region).set(1, { link }))
  link.close()
  const reader = new Child<Answer>('dist/tests/store/snapshot-child.js', [dir])
  await reader.expect()
  const ask = (what: string): Promise<Answer> => {
    reader.send(what)
    return reader.expect()
  }
  try {
    await body({ dir, store, region, reader, ask })
  } finally {
    await reader.kill()
  }
  store.close()
  const again = Store.open(dir)
  await gone(again)
  assert.equal((await again.verify()).problems, [])
  again.close()
}

const SEEN = { answer: 'seen' }

for (const isBefore of [true, false]) {
  test(`compacted ${isBefore ? 'before' : 'after'} the reference went`,
    withReader(async ({ store, region, ask }) => {
      if (isBefore) await region.compact()
      region.transact(() => slotsOf(region).delete(1))
      if (!isBefore) await region.compact()
      await settle(region)
      assert.equal(await ask('read'), SEEN)
      await ask('close')
      await gone(store)
    }))
}

test('of a file that has its name, the epoch decides', withReader(async (scene) => {
  const { store, region, ask } = scene
  await region.compact()
  await ask('retake')
  const slots = slotsOf(region)
  const link = packLink(store, null, 'later')
  region.transact(() => slots.set(2, { link }))
  link.close()
  await ask('retake')
  region.transact(() => slots.set(2, { link: undefined }))
  await settle(region)
  assert.is(packedIds(store).length, 2, 'it reads what was before')
  await ask('retake')
  await settle(region)
  await gone(store, 1)
  region.transact(() => slots.delete(1))
  await settle(region)
  assert.equal(await ask('read'), SEEN)
}))

test('of a region that was dropped', withReader(async ({ store, ask }) => {
  store.drop('live')
  assert.is(packedIds(store).length, 1)
  assert.equal(await ask('verify'), { answer: [] }, 'and deletes what nobody names')
  assert.equal((await store.verify()).problems, [])
  assert.equal(await ask('read'), SEEN)
  assert.match(JSON.stringify(await ask('retake')), /RSTORE_NOT_FOUND/)
  await gone(store)
}))

test('who ends the last one deletes what it kept', withReader(async ({ dir, store, ask }) => {
  store.drop('live')
  store.close()
  assert.equal(await ask('read'), SEEN)
  await ask('close')
  await until('it is gone', () => packedFiles(dir).length === 0)
}))

test('of another store object in the same thread', async () => {
  const { dir, store } = newStore()
  const region = store.region('live')
  const link = packLink(store, null, 'seen')
  region.transact(() => slotsOf(region).set(1, { link }))
  link.close()
  const snapshot = region.snapshot()
  const other = Store.open(dir)
  other.drop('live')
  for (const each of [store, other]) assert.equal((await each.verify()).problems, [])
  assert.is(snapshot.map('slots', t.u32, Slot).get(1)!.link!.title, 'seen')
  snapshot.close()
  await gone(other)
  other.close()
  store.close()
})

test('one that is forgotten', withReader(async ({ store, region, ask }) => {
  await region.compact()
  region.transact(() => slotsOf(region).delete(1))
  await settle(region)
  assert.is(packedIds(store).length, 1)
  await ask('forget')
  await gone(store)
}))

test('of a process that is killed', withReader(async ({ store, region, reader }) => {
  await region.compact()
  region.transact(() => slotsOf(region).delete(1))
  await settle(region)
  assert.is(packedIds(store).length, 1)
  await reader.kill()
  await gone(store)
}))

test.run()
