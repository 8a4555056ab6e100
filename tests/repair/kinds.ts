/** Records of many kinds, under keys of several, in a file of which 1 % is damaged. */
import * as assert from 'uvu/assert'
import { t, type Region } from '../../lib/index.js'
import { verifyFile, type Place } from '../harness/with-region.js'
import {
  checkSaved, damageFile, isAllRight, pagesOfRecords, planOf, repair, type Damage,
} from './damage.js'

const Note = t.struct('Note', {
  id: t.u32, text: t.string, more: t.optional(t.string), numbers: t.array(t.f64),
  list: t.array(t.string),
})
const Spot = t.struct('Place', {
  id: t.u32, name: t.string, at: t.struct('At', { x: t.f64, label: t.string }),
  pair: t.tuple(t.u32, t.string), anything: t.json,
})
const Thing = t.struct('Thing', {
  id: t.u32, big: t.bytes, words: t.map(t.string, t.u32), pairs: t.multimap(t.u32, t.u32),
})

/** Maps of several kinds of keys and records; `id` counts in the order of the keys. */
export function fillKinds(region: Region, count: number): void {
  const notes = region.map('notes', t.string, Note)
  const places = region.map('places', t.tuple(t.u32, t.u32), Spot)
  const things = region.map('things', t.date, Thing)
  region.transact(() => {
    for (let id = 0; id < count; id++) {
      notes.set(`note ${String(id).padStart(6, '0')}`, {
        id, text: `note ${id}`.repeat(id % 9 + 1), more: 'more',
        numbers: Array.from({ length: id % 5 }, (_, i) => i + id), list: [`x${id}`, 'y'],
      })
      places.set([id >> 4, id & 15], {
        id, name: `place ${id}`, at: { x: id, label: `at ${id}` }, pair: [id, `pair ${id}`],
        anything: { id, list: [1, id] },
      })
      things.set(new Date(id * 1000), {
        id, big: new Uint8Array(id % 7 === 0 ? 9000 : id % 100).fill(id),
        words: Array.from({ length: id % 40 }, (_, i) => [`word ${i + 100}`, i] as const),
        pairs: [[1, id], [2, id]],
      })
    }
  })
}

function checkRecord(type: string | undefined, record: any): void {
  const { id, text, name, big } = record
  if (type === 'Note') assert.is(text, `note ${id}`.repeat(id % 9 + 1))
  if (type === 'Place') assert.is(name, `place ${id}`)
  if (type === 'Thing') assert.is(big.length, id % 7 === 0 ? 9000 : id % 100)
}

/** Of every kind of record, which are in the region, right. */
export function kindsIn(region: Region, areRight = true): Map<string, Set<number>> {
  const found = new Map(['Note', 'Place', 'Thing'].map((kind) => [kind, new Set<number>()]))
  const { directory } = region.catalog
  const { registry } = region.session
  for (const { name, kind } of region.names()) {
    const entry = directory.find(name)!
    const type = registry.typeOf(entry.valueType)
    const ids = found.get(type.name ?? '')
    if (kind !== 'map' || ids === undefined) continue
    for (const record of region.catalog.map(name, registry.typeOf(entry.keyType), type).values()) {
      const { id } = record as any
      if (areRight) checkRecord(type.name, record)
      ids.add(id)
    }
  }
  return found
}

/** Every record that is whole is saved. */
export async function repairKinds(place: Place, count: number, damage: Damage): Promise<void> {
  const region = place.create({ capacity: '64MiB' })
  fillKinds(region, count)
  const names = { Note: 'notes', Place: 'places', Thing: 'things' }
  const pagesOf = Object.entries(names).map(([kind, name]) =>
    [kind, pagesOfRecords(region, name)] as const)
  const plan = planOf(region, damage)
  region.close()
  const damaged = damageFile(place, plan)
  await repair(place)
  await verifyFile(place.path('saved'))
  const found = kindsIn(place.open({}, 'saved'), isAllRight(damage))
  for (const [kind, pages] of pagesOf) {
    checkSaved(pages, damaged, found.get(kind)!, damage, kind)
  }
}
