/**
 * Several who make the same file at the same moment: a backup, a compacted copy, a thawed one. One
 * of them makes it; the others are told so, and nobody gives the name to what another is still
 * writing.
 */
import { pbkdf2 } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, RStoreError, t } from '../../lib/index.js'
import { Place, verifyFile, withRegion } from '../harness/with-region.js'

const test = suite('several who make the same file')
const AT_ONCE = 3
const ENTRIES = 20_000

function filled(place: Place): Region {
  const region = place.create({ capacity: '64MiB' })
  const map = region.map('numbers', t.u32, t.string)
  region.transact(() => {
    for (let i = 0; i < ENTRIES; i++) map.set(i, `number ${i}`)
  })
  return region
}

/** What `make` makes is whole as soon as one of them says so. */
async function race(place: Place, name: string, make: (to: string) => Promise<unknown>) {
  const to = place.path(name)
  let made = 0
  const one = async (): Promise<void> => {
    try {
      await make(to)
    } catch (error) {
      const isTold = error instanceof RStoreError
        && ['RSTORE_BUSY', 'RSTORE_EXISTS'].includes(error.code)
      if (!isTold) throw error
      return
    }
    made++
    await verifyFile(to)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  assert.is(made, 1)
  assert.equal(readdirSync(place.folder).filter((file) => file.includes('.tmp')), [])
}

test('a backup', withRegion(async (place) => {
  const region = filled(place)
  for (let i = 0; i < 5; i++) await race(place, `backup ${i}`, (to) => region.backup(to))
}))

test('a compacted copy', withRegion(async (place) => {
  const region = filled(place)
  for (let i = 0; i < 2; i++) await race(place, `compacted ${i}`, (to) => region.compact(to))
}))

test('a thawed copy', withRegion(async (place) => {
  const path = place.path('packed')
  Region.pack(path, { root: t.array(t.u32) }, () => Array.from({ length: 100_000 }, (_, i) => i))!
    .close()
  for (let i = 0; i < 5; i++) await race(place, `thawed ${i}`, (to) => Packed.thaw(path, to))
}))

/** Keeps all threads of the pool busy for a while. */
const keepThreadsBusy = (): void => {
  for (let i = 0; i < 8; i++) pbkdf2('a', 'b', 100_000, 64, 'sha512', () => {})
}

test('the root of a thawed copy is that of the file that was copied', withRegion(async (place) => {
  const path = place.path('packed')
  const pack = (length: number): void => Region.pack(
    path, { root: t.array(t.u32), replace: true }, (region) => {
      region.alloc(t.array(t.u32), new Uint32Array(length))  // so that the root is elsewhere
      return new Uint32Array(length).fill(length)
    })!.close()
  pack(10)
  keepThreadsBusy()
  const thawing = Packed.thaw(path, place.path('thawed'))
  pack(1000)
  await thawing
  const numbers = place.open({}, 'thawed').value('root', t.array(t.u32)).get()!
  assert.is(numbers.at(0), numbers.length)
}))

test.run()
