/** Towns with all that they own, in a file of which 1 % is damaged. */
import * as assert from 'uvu/assert'
import { t, type Region } from '../../lib/index.js'
import { fill, Town } from '../compact/shapes.js'
import { verifyFile, type Place } from '../harness/with-region.js'
import {
  checkSaved, damageFile, isAllRight, pagesOfRecords, planOf, repair, type Damage,
} from './damage.js'

export const TOWNS = 1_500

function checkTown(town: { people: number; name: string; words: Iterable<string> }): void {
  const name = `town ${String(town.people).padStart(6, '0')} `
  assert.is(town.name, name.repeat(town.people % 5 + 1))
  assert.equal([...town.words], [`w${town.people}`, 'common'])
}

/** `people` of every town that is in any map of the region; what they are is checked. */
function peopleIn(region: Region, areRight: boolean): Set<number> {
  const found = new Set<number>()
  for (const { name, kind, type } of region.names()) {
    if (kind !== 'map' || !type.includes('Town')) continue
    const key = type.startsWith('string') ? t.string : t.u32
    for (const town of region.map<any, any, any>(name, key, Town).values()) {
      if (areRight) checkTown(town)
      found.add(town.people)
    }
  }
  return found
}

/** Every type is found, and every town that is whole. */
export async function repairTowns(place: Place, damage: Damage): Promise<void> {
  const region = place.create({ capacity: '64MiB' })
  fill(region, TOWNS, 1)
  const pagesOf = pagesOfRecords(region, 'towns')
  const plan = planOf(region, damage)
  region.close()
  const damaged = damageFile(place, plan)
  const { lostTypes } = await repair(place)
  assert.equal(lostTypes, [])
  await verifyFile(place.path('saved'))
  const saved = place.open({}, 'saved')
  const found = peopleIn(saved, isAllRight(damage))
  checkSaved(pagesOf, damaged, found, damage, 'towns')
  assert.ok(found.size > TOWNS * 0.8, `${found.size} towns`)
}
