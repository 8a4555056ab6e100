/** All drivers; ours first. */
import type { Driver } from '../driver.js'
import { driver as bare } from './bare.js'
import { driver as betterSqlite3 } from './better-sqlite3.js'
import { driver as classicLevel } from './classic-level.js'
import { driver as flatbuffers } from './flatbuffers.js'
import { driver as json } from './json.js'
import { driver as lmdb } from './lmdb.js'
import { driver as map } from './map.js'
import { driver as msgpackr } from './msgpackr.js'
import { driver as nodeSqlite } from './node-sqlite.js'
import { driver as rstore } from './rstore.js'

export const OURS = rstore.name
/** What the targets are ratios to. */
export const RIVAL = lmdb.name

export const DRIVERS: readonly Driver[] = [
  rstore, lmdb, betterSqlite3, nodeSqlite, classicLevel, map, json, msgpackr, flatbuffers, bare,
]

export function driverNamed(name: string): Driver {
  const found = DRIVERS.find((driver) => driver.name === name)
  if (found === undefined) throw new TypeError(`No driver is called ${name}`)
  return found
}

/** Those whose packages are there. */
export async function installedDrivers(): Promise<Driver[]> {
  const loaded = await Promise.all(DRIVERS.map((driver) =>
    driver.load().then(() => true, () => false)))
  return DRIVERS.filter((_, index) => loaded[index])
}
