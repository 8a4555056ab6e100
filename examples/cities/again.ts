/** A third process, which only reads: sees what the second one changed. */
import { Region, t } from 'rstore'
import { City, PLACES, REGION_PATH } from './schema.js'

const region = Region.open(REGION_PATH, { readOnly: true })
const city = region.map(PLACES, t.u32, City).getObject(100_000)
region.close()
console.log(`a third process sees ${JSON.stringify(city)}`)
