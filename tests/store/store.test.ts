/** Stores: names, references, what goes when, and what does not. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, Store, t, type Infer, type RStoreError } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { thrown } from '../harness/with-region.js'
import { gone, packedIds } from './shapes.js'

const test = suite('stores')

const Doc = t.struct('Doc', { title: t.string, size: t.u32 })
const Holder = t.struct('Holder', { label: t.string, doc: t.optional(t.packed(Doc)) })
const Chain = t.struct('Chain', { title: t.string, next: t.optional(t.packed(Doc)) })
const SMALL = { capacity: '1MiB' } as const

const packDoc = (store: Store, name: string | null, title: string): Packed<Infer<typeof Doc>> =>
  store.pack(name, { root: Doc, ...SMALL }, () => ({ title, size: title.length }))!

/** Brings the log into the files, and lets what was queued be carried out. */
async function settle(region: Region): Promise<void> {
  await region.checkpoint()
  await new Promise((resolve) => setTimeout(resolve, 20))
}

const inStore =
  (body: (store: Store, dir: string) => void | Promise<void>) => async (): Promise<void> => {
    const dir = temporaryDirectory()
    const store = Store.open(dir, { create: true })
    await body(store, dir)
    assert.equal((await store.verify()).problems, [])
    store.close()
    const again = Store.open(dir)
    assert.equal((await again.verify()).problems, [])
    again.close()
  }

test(
  'a field leads to the root of another region',
  inStore((store) => {
    const holders = store.region('live').map('holders', t.string, Holder)
    const doc = packDoc(store, 'a', 'hello')
    store.region('live').transact(() => holders.set('x', { label: 'x', doc }))
    assert.is(holders.get('x')!.doc!.title, 'hello')
    assert.is(
      store.region('live').snapshot().map('holders', t.string, Holder).get('x')!.doc!.size,
      5,
    )
  }),
)

test(
  'names, kinds and what is missing',
  inStore((store, dir) => {
    packDoc(store, 'doc', 'd')
    store.region('live')
    thrown('RSTORE_EXISTS', () => packDoc(store, 'doc', 'again'))
    thrown('RSTORE_WRONG_KIND', () => store.region('doc'))
    thrown('RSTORE_WRONG_KIND', () => store.packed('live'))
    thrown('RSTORE_WRONG_KIND', () => store.drop('doc'))
    thrown('RSTORE_NOT_FOUND', () => store.packed('none'))
    thrown('RSTORE_TYPE_MISMATCH', () => store.packed('doc', Holder))
    assert.is(store.release('none'), false)
    assert.is(store.drop('none'), false)
    assert.is(store.packed('doc', Doc).root.title, 'd')
    thrown('RSTORE_NOT_FOUND', () => Store.open(`${dir}/none`))
  }),
)

test(
  'named by nobody: gone; by anyone: there',
  inStore(async (store) => {
    const region = store.region('live')
    const holders = region.map('holders', t.string, Holder)
    const doc = packDoc(store, null, 'anonymous')
    const [id] = packedIds(store)
    region.transact(() => {
      holders.set('x', { label: 'x', doc })
      holders.set('y', { label: 'y', doc })
    })
    doc.close()
    assert.equal(packedIds(store), [id])
    region.transact(() => {
      holders.get('x')!.doc = undefined
    })
    await settle(region)
    assert.equal(packedIds(store), [id], 'y still has it')
    region.transact(() => holders.delete('y'))
    await settle(region)
    assert.equal(packedIds(store), [])
  }),
)

test(
  'a handle that is open keeps it, a name does, and neither does not',
  inStore((store) => {
    const doc = packDoc(store, 'doc', 'd')
    doc.close()
    const again = store.packed('doc')
    assert.ok(store.release('doc'))
    assert.is(packedIds(store).length, 1)
    again.close()
    assert.is(packedIds(store).length, 0)
  }),
)

test(
  'a rollback, also of a savepoint, takes its references back',
  inStore(async (store) => {
    const region = store.region('live')
    const holders = region.map('holders', t.string, Holder)
    const [a, b] = [packDoc(store, null, 'a'), packDoc(store, null, 'b')]
    const giveUp = (): void =>
      region.transact(() => {
        holders.set('x', { label: 'x', doc: a })
        throw new Error('on purpose')
      })
    assert.throws(giveUp, /on purpose/)
    region.transact(() => {
      assert.throws(giveUp, /on purpose/)
      holders.set('y', { label: 'y', doc: b })
    })
    a.close()
    b.close()
    await settle(region)
    assert.equal(
      store
        .list()
        .filter(({ kind }) => kind === 'packed')
        .map(({ references }) => references),
      [1],
    )
  }),
)

test(
  'a snapshot that still sees a reference keeps what it names',
  inStore(async (store) => {
    const region = store.region('live')
    const holders = region.map('holders', t.string, Holder)
    const doc = packDoc(store, null, 'seen')
    region.transact(() => holders.set('x', { label: 'x', doc }))
    doc.close()
    const snapshot = region.snapshot()
    region.transact(() => holders.delete('x'))
    await settle(region)
    assert.is(packedIds(store).length, 1)
    assert.is(snapshot.map('holders', t.string, Holder).get('x')!.doc!.title, 'seen')
    snapshot.close()
    await settle(region)
    region.transact(() => holders.set('z', { label: 'z' }))
    await settle(region)
    await store.verify()
    assert.is(packedIds(store).length, 0)
  }),
)

test(
  'so does a snapshot of a file that was compacted since, before or after the reference went',
  inStore(async (store) => {
    for (const isBefore of [true, false]) {
      const region = store.region('live')
      const holders = region.map('holders', t.string, Holder)
      const doc = packDoc(store, null, 'seen')
      region.transact(() => holders.set('x', { label: 'x', doc }))
      doc.close()
      const snapshot = region.snapshot()
      if (isBefore) await region.compact()
      region.transact(() => holders.delete('x'))
      if (!isBefore) await region.compact()
      for (let i = 0; i < 5; i++) await settle(region)
      assert.is(snapshot.map('holders', t.string, Holder).get('x')!.doc!.title, 'seen')
      snapshot.close()
      region.transact(() => holders.set('z', { label: 'z' }))
      await settle(region)
      await gone(store)
    }
  }),
)

test(
  'cascades, and no cycles',
  inStore(async (store) => {
    const inner = packDoc(store, null, 'inner')
    const outer = store.pack(null, { root: Chain, ...SMALL }, () => ({
      title: 'outer',
      next: inner,
    }))!
    inner.close()
    assert.is(packedIds(store).length, 2)
    assert.is(outer.root.next!.title, 'inner')
    outer.close()
    assert.is(packedIds(store).length, 0, 'the inner one went with the outer')
    const pack = async (): Promise<unknown> =>
      store.pack(null, { root: Chain, ...SMALL }, async () => {
        const later = packDoc(store, 'later', 'packed meanwhile')
        return { title: 'too early', next: later }
      })
    await pack().then(
      () => assert.unreachable(),
      ({ code }: RStoreError) => assert.is(code, 'RSTORE_CYCLE'),
    )
  }),
)

test(
  'dropping a live region walks its list',
  inStore((store, dir) => {
    const region = store.region('live')
    const holders = region.map('holders', t.string, Holder)
    for (let i = 0; i < 20; i++) {
      const doc = packDoc(store, null, `doc ${i}`)
      region.transact(() => holders.set(`${i}`, { label: 'x', doc }))
      doc.close()
    }
    assert.is(packedIds(store).length, 20)
    assert.ok(store.drop('live'))
    assert.equal(store.list(), [])
    assert.equal(
      readdirSync(dir).filter((name) => /^\d/.test(name)),
      [],
    )
  }),
)

test(
  'foreign packed regions and wrong values are refused',
  inStore((store, dir) => {
    const region = store.region('live')
    const holders = region.map('holders', t.string, Holder)
    const foreign = Region.pack(`${dir}-foreign`, { root: Doc, ...SMALL }, () => ({
      title: '',
      size: 0,
    }))!
    region.transact(() => {
      thrown('RSTORE_FOREIGN_REF', () => holders.set('x', { label: 'x', doc: foreign }))
      assert.throws(() => holders.set('x', { label: 'x', doc: 7 as never }), TypeError)
    })
    foreign.close()
    const alone = Region.create(`${dir}-alone`, SMALL)
    const doc = packDoc(store, 'd', 'd')
    const map = alone.map('holders', t.string, Holder)
    thrown('RSTORE_NO_STORE', () => alone.transact(() => map.set('x', { label: 'x', doc })))
    alone.close()
  }),
)

test('after an unclean end the counts are taken from the lists', async () => {
  const dir = temporaryDirectory()
  const store = Store.open(dir, { create: true })
  const region = store.region('live')
  const holders = region.map('holders', t.string, Holder)
  const doc = packDoc(store, null, 'kept')
  region.transact(() => holders.set('x', { label: 'x', doc }))
  packDoc(store, null, 'nobody names it')
  const copy = temporaryDirectory()
  await store.backup(`${copy}/store`)
  const after = Store.open(`${copy}/store`)
  assert.equal((await after.verify()).problems, [])
  assert.is(packedIds(after).length, 1)
  assert.is(after.region('live').map('holders', t.string, Holder).get('x')!.doc!.title, 'kept')
  after.close()
  store.close()
})

test('a closed store', () => {
  const store = Store.open(temporaryDirectory(), { create: true })
  store.close()
  store.close()
  for (const use of [() => store.region('x'), () => store.list(), () => store.release('x')]) {
    thrown('RSTORE_CLOSED', use)
  }
})

test('closed while a backup or a verification is under way: they say so, at once', async () => {
  const dir = temporaryDirectory()
  for (const turns of [0, 1, 2, 5]) {
    for (const what of ['backup', 'verify'] as const) {
      const store = Store.open(join(dir, 'store'), { create: true })
      const map = store.region('live').map('m', t.u32, t.u32)
      store.region('live').transact(() => { for (let i = 0; i < 5000; i++) map.set(i, i) })
      const begun = performance.now()
      const running = what === 'verify' ? store.verify() : store.backup(join(dir, `${turns}`))
      const outcome = running.then(() => 'done', (error: { code?: string }) => error.code)
      for (let i = 0; i < turns; i++) await new Promise(setImmediate)
      store.close()
      const code = await outcome
      assert.ok(code === 'done' || code === 'RSTORE_CLOSED', `${what}, ${turns} turns: ${code}`)
      assert.ok(performance.now() - begun < 5000)
    }
  }
})

test.run()
