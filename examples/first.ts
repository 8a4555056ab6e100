/** The README's first program. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Region, t } from 'rstore'

const folder = mkdtempSync(join(tmpdir(), 'rstore-first-'))
process.chdir(folder)

// README: begin
const City = t.struct('City', {
  name: t.string,
  population: t.u32,
  at: t.struct('At', { lat: t.f64, lon: t.f64 }),
})

const region = Region.openOrCreate('cities.region')
const cities = region.map('cities', t.string, City)              // made when it is not there

region.transact(() => {                                          // all of it or nothing
  cities.set('NO/Oslo', { name: 'Oslo', population: 709_037, at: { lat: 59.9, lon: 10.7 } })
  cities.set('NO/Bergen', { name: 'Bergen', population: 291_940, at: { lat: 60.4, lon: 5.3 } })
  cities.set('SE/Lund', { name: 'Lund', population: 94_393, at: { lat: 55.7, lon: 13.2 } })
})

const inNorway = [...cities.keys({ gte: 'NO/', lt: 'NO0' })]     // 0 is the character after /
const population = region.read(() => cities.get('NO/Oslo')?.population)

region.transact(() => {
  cities.get('NO/Oslo')!.population += 1                         // four bytes of the file
})
region.close()
// README: end

assert.deepEqual(inNorway, ['NO/Bergen', 'NO/Oslo'])
assert.equal(population, 709_037)

const again = Region.open('cities.region', { readOnly: true })
assert.equal(again.map('cities', t.string, City).getObject('NO/Oslo')?.population, 709_038)
again.close()
rmSync(folder, { recursive: true })
