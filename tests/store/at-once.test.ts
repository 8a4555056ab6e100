/** What two processes do to one store at the same moment: each looked before the other acted. */
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Store, t } from '../../lib/index.js'
import { StoreCatalog } from '../../lib/store/store-catalog.js'
import { Child } from '../harness/child.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { packLink, slotsOf } from './shapes.js'

const test = suite('stores: at the same moment')

/** The catalog as another process has it open. */
async function withAnother(
  body: (store: Store, another: StoreCatalog, dir: string) => void | Promise<void>,
): Promise<void> {
  const dir = temporaryDirectory()
  const store = Store.open(dir, { create: true })
  const another = new StoreCatalog(join(dir, 'catalog.region'), 'write')
  try {
    await body(store, another, dir)
    assert.equal((await store.verify()).problems, [])
  } finally {
    another.close()
    store.close()
  }
}

test('what was queued is carried out once, and nothing else that has its key by now', () =>
  withAnother((store, another) => {
    const first = store.idOf(packLink(store, 'first', '1'))
    const second = store.idOf(packLink(store, 'second', '2'))
    const region = store.region('live')
    region.transact(() => slotsOf(region).set(0, { link: store.packed('first') as never }))
    region.transact(() => slotsOf(region).set(1, { link: store.packed('second') as never }))
    const references = (id: number): number => another.find(id)!.references
    const [before, beforeSecond] = [references(first), references(second)]
    another.raise([first, second], another.byName('live')!.id, false)
    another.queue([{ ids: [first], region: 0, epoch: 0 }])
    const seen = another.queued()
    assert.is(seen.length, 1)
    another.lower(seen)
    another.queue([{ ids: [second], region: 0, epoch: 0 }])
    assert.equal(another.lower(seen), [])
    assert.is(references(first), before)
    another.lower(another.queued())
    assert.is(references(second), beforeSecond)
  }))

test('of two who drop one region, one does', () => withAnother((store, another) => {
  const doc = packLink(store, 'doc', 'd')
  const id = store.idOf(doc)
  const region = store.region('live')
  region.transact(() => slotsOf(region).set(0, { link: doc }))
  const live = another.byName('live')!
  assert.is(store.drop('live'), true)
  assert.is(another.removeWith(live.id, [id]), false)
  assert.is(another.removeWith(live.id, undefined), false)
  another.lower(another.queued())
  assert.is(another.find(id)!.references, 1, 'its name')
}))

test('of two who give up one name, one does', () => withAnother((store, another) => {
  const id = store.idOf(packLink(store, 'doc', 'd'))
  assert.is(store.release('doc'), true)
  const live = store.region('doc').path!
  assert.is(another.unname('doc', id), false)
  assert.is(store.region('doc').path, live)
}))

test('what another has counted, and not committed yet, is no damage', () =>
  withAnother(async (store, another, dir) => {
    const id = store.idOf(packLink(store, 'doc', 'd'))
    store.region('live')
    const third = Store.open(dir)
    another.raise([id], another.byName('live')!.id, false)
    assert.equal((await store.verify()).problems, [])
    third.close()
    const codes = (await store.verify()).problems.map(({ code }) => code)
    assert.equal(codes, ['STORE_COUNT'])
    another.setReferences(id, 1)
  }))

test('a region that another drops is made anew by who asks for it later', async () => {
  const dir = temporaryDirectory()
  const store = Store.open(dir, { create: true })
  const second = Store.open(dir)
  const before = store.region('live').path
  second.drop('live')
  assert.is.not(store.region('live').path, before)
  assert.is(store.region('live').path, second.region('live').path)
  second.close()
  store.close()
})

/** As long as it takes for those who open and close to have met in most ways. */
const STRESS_MS = 1_500

test('making, dropping, naming, verifying and copying without a pause', async () => {
  const dir = temporaryDirectory()
  Store.open(dir, { create: true }).close()
  const children = ['make', 'make', 'name', 'name', 'look'].map((job) =>
    new Child<number>('dist/tests/store/at-once-child.js', [dir, job]))
  for (const child of children) await child.expect()
  await new Promise((resolve) => setTimeout(resolve, STRESS_MS))
  for (const child of children) child.send('end')
  for (const child of children) assert.ok((await child.finish())[0]! > 0)
  const store = Store.open(dir)
  assert.equal((await store.verify()).problems, [])
  const known = store.list().map(({ id, kind }) => `${id}.${kind === 'live' ? 'region' : 'packed'}`)
  store.close()
  assert.equal(readdirSync(dir).sort(), [...known, 'catalog.region', 'store.lock'].sort())
})

test('what one lets go of while another deletes is deleted when he closes the store', async () => {
  const dir = temporaryDirectory()
  const store = Store.open(dir, { create: true })
  const packed = store.pack(null, { root: t.string, capacity: '1MiB' }, () => 'nobody names it')!
  const packedFiles = (): string[] => readdirSync(dir).filter((name) => name.endsWith('.packed'))
  assert.is(packedFiles().length, 1)
  const worker = new Worker(new URL('deleting-worker.js', import.meta.url),
    { workerData: { dir, ms: 30 } })
  await once(worker, 'message')
  packed.close()
  store.close()
  assert.equal(packedFiles(), [])
  await worker.terminate()
})

test.run()
