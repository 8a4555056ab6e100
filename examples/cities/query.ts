/** A process of its own: opens the region where it is, asks it things, changes one record. */
import { performance } from 'node:perf_hooks'
import { Region, t } from 'rstore'
import { BY_NAME, City, PLACES, REGION_PATH } from './schema.js'

const begun = performance.now()
const region = Region.open(REGION_PATH)
const places = region.map(PLACES, t.u32, City)
const first = region.read(() => places.get(100_000)?.name)
const openMs = performance.now() - begun

console.log(`place 100,000: ${first}`)

const byName = places.index(BY_NAME, ['country', 'name'])

region.read(() => {
  console.log('\nNorwegian places from "Trom" on, before "Tron":')
  for (const [[, name], id, city] of byName.entries({ gte: ['NO', 'Trom'], lt: ['NO', 'Tron'] })) {
    console.log(`  ${name}, place ${id}, at ${city.lat} north, ${city.lng} east`)
  }

  console.log('\nthe ten northernmost places of Norway (the data has no population):')
  const all = [...byName.values({ gte: ['NO'], lte: ['NO'] })]
  const northernmost = all.sort((a, b) => b.lat - a.lat).slice(0, 10)
  for (const { name, lat } of northernmost) console.log(`  ${lat.toFixed(2)}  ${name}`)
})

region.transact(() => {
  places.get(100_000)!.visits += 1
})
region.close()
console.log('\nchanged: place 100,000 has one visit more')
console.log(JSON.stringify({ openMs, rss: process.memoryUsage.rss() }))
