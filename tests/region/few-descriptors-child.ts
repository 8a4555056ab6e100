/**
 * Does everything that opens files, with 0, 1, 2, … descriptors left, until it works; says what was
 * thrown on the way.
 */
import { closeSync, openSync } from 'node:fs'
import { Packed, Region, SharedVector, Store, t } from 'rstore'
import { say } from '../harness/child.js'

const [folder] = process.argv.slice(2) as [string]
const MOST_LEFT = 20
const Root = t.struct('Root', { n: t.u32 })
let serial = 0
const fresh = (): string => `${folder}/fresh-${serial++}`

const path = `${folder}/test.region`
const region = Region.create(path, { durability: 'none', capacity: '8MiB' })
region.transact(() => region.map('numbers', t.u32, t.u32).set(1, 1))
Region.pack(`${folder}/packed`, { root: Root }, (_region, root) => root)!.close()
SharedVector.create(`${folder}/vector`, t.u32).close()
const first = Store.open(`${folder}/store`, { create: true })
first.region('live')
first.pack('packed', { root: Root }, (_region, root) => root)!.close()
first.close()
const store = Store.open(`${folder}/store`)

const STEPS: Readonly<Record<string, () => unknown>> = {
  'open': () => Region.open(path).close(),
  'open to read': () => Region.open(path, { readOnly: true }).close(),
  'create': () => Region.create(fresh()).close(),
  'openOrCreate': () => Region.openOrCreate(fresh()).close(),
  'snapshot': () => region.snapshot().close(),
  'checkpoint': () => region.checkpoint(),
  'verify': () => region.verify(),
  'backup': () => region.backup(fresh()),
  'compact': () => region.compact(),
  'compact to': () => region.compact(fresh()),
  'compact in place': () => region.compact(undefined, { inPlace: true }),
  'pack': () => Region.pack(fresh(), { root: Root }, (_region, root) => root)!.close(),
  'load': () => Packed.load(`${folder}/packed`).close(),
  'thaw': () => Packed.thaw(`${folder}/packed`, fresh()),
  'vector': () => SharedVector.open(`${folder}/vector`, t.u32).close(),
  'new vector': () => SharedVector.create(fresh(), t.u32).close(),
  'store': () => Store.open(`${folder}/store`).close(),
  'store to read': () => Store.open(`${folder}/store`, { readOnly: true }).close(),
  'new store': () => Store.open(fresh(), { create: true }).close(),
  'region of a store': () => void store.region(`region ${serial++}`),
  'pack into a store': () =>
    store.pack(`packed ${serial++}`, { root: Root }, (_region, root) => root)!.close(),
  'packed of a store': () => store.packed('packed').close(),
  'backup of a store': () => store.backup(fresh()),
}

function takeDescriptors(): number[] {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    return taken
  }
}

/** The error when so many descriptors are left; undefined when there is none. */
async function errorWith(left: number, step: () => unknown): Promise<unknown> {
  const taken = takeDescriptors()
  for (let i = 0; i < left; i++) closeSync(taken.pop()!)
  try {
    await step()
    return undefined
  } catch (error) {
    return error
  } finally {
    for (const fd of taken) closeSync(fd)
  }
}

for (const [name, step] of Object.entries(STEPS)) {
  for (let left = 0; left <= MOST_LEFT; left++) {
    const error = await errorWith(left, step) as NodeJS.ErrnoException | undefined
    if (error === undefined) break
    say({ name, left, code: error.code, message: error.message })
  }
}
store.close()
region.close()
