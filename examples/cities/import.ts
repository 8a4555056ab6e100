/** Reads all places into a fresh region. */
import { mkdirSync, rmSync } from 'node:fs'
import { SingleBar } from 'cli-progress'
import { Region, t } from 'rstore'
import { BY_NAME, City, FOLDER, PLACES, REGION_PATH, parsePlaces, type Place } from './schema.js'

const PLACES_PER_COMMIT = 5000

/** A bar on standard error, where somebody watches. */
function progress(total: number): { update(done: number): void; stop(): void } {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} }
  const bar = new SingleBar({ format: '  importing {bar} {percentage} %  {value} of {total}' })
  bar.start(total, 0)
  return { update: (done) => bar.update(done), stop: () => bar.stop() }
}

/** Imports; gives the number of places. */
export function importPlaces(): number {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const source = parsePlaces()
  const region = Region.create(REGION_PATH, { capacity: '1GiB', durability: 'none' })
  const places = region.map(PLACES, t.u32, City)
  places.index(BY_NAME, ['country', 'name'])
  const bar = progress(source.length)
  for (let done = 0; done < source.length; done += PLACES_PER_COMMIT) {
    region.transact(() => source.slice(done, done + PLACES_PER_COMMIT).forEach(
      ({ name, country, lat, lng }: Place, i) =>
        places.set(done + i, { name, country, lat: Number(lat), lng: Number(lng), visits: 0 })))
    bar.update(Math.min(done + PLACES_PER_COMMIT, source.length))
  }
  bar.stop()
  region.close()
  return source.length
}
