/** This project, by its public index. */
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import {
  LOAD_TRANSACTION, inSlices, methodsOf, type Driver, type OpenOptions, type Table,
} from '../driver.js'
import { inRoot } from '../../harness/paths.js'
import { Kind, type Mix } from '../mix.js'
import { userOf, visitsOf, weigh, type Picks, type User } from '../record.js'
import type { Region, RMap } from '../../../lib/index.js'

type Users = RMap<any, User, User>

/** What the package ships: one file. */
const loadLibrary = (): Promise<typeof import('../../../lib/index.js')> =>
  import(pathToFileURL(inRoot('dist/bundle/rstore.js')).href)

/** Room for twice the records, so that a benchmark of churn fits too. */
function capacityFor(records: number): number {
  const needed = records * 400
  return Math.min(32, 2 ** Math.ceil(Math.log2(Math.max(4, needed / 2 ** 30)))) * 2 ** 30
}

class RegionTable implements Table {
  readonly #region: Region
  readonly #users: Users

  constructor(region: Region, users: Users) {
    this.#region = region
    this.#users = users
  }

  readWhole({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += weigh(this.#users.get(keys[at])!)
    return sum
  }

  readField({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += this.#users.get(keys[at])!.visits
    return sum
  }

  readMany({ keys }: Picks): number {
    let sum = 0
    for (const user of this.#users.getMany(keys as Uint32Array)) sum += user!.visits
    return sum
  }

  readColumn({ keys }: Picks): number {
    const { values } = this.#users.getColumn(keys as Uint32Array, 'visits')
    let sum = 0
    for (let at = 0; at < values.length; at++) sum += values[at] as number
    return sum
  }

  scanField(): number {
    let sum = 0
    for (const user of this.#users.values()) sum += user.visits
    return sum
  }

  scanColumn(): number {
    const { values } = this.#users.getColumn({}, 'visits')
    let sum = 0
    for (let at = 0; at < values.length; at++) sum += values[at] as number
    return sum
  }

  scanWhole(): number {
    let sum = 0
    for (const user of this.#users.values()) sum += weigh(user)
    return sum
  }

  ranges({ keys }: Picks, length: number): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) {
      for (const user of this.#users.values({ gte: keys[at], limit: length })) sum += user.visits
    }
    return sum
  }

  insert(picks: Picks): void {
    this.overwrite(picks, 0)
  }

  async bulkLoad(records: number): Promise<void> {
    function* entries(): Generator<[number, User]> {
      for (let index = 0; index < records; index++) yield [index + 1, userOf(index)]
    }
    await this.#users.bulkLoad(entries())
  }

  overwrite(picks: Picks, revision: number): void {
    this.grouped(picks, revision, LOAD_TRANSACTION)
  }

  delete({ keys }: Picks): void {
    inSlices(keys.length, LOAD_TRANSACTION, (from, to) => this.#region.transact(() => {
      for (let at = from; at < to; at++) this.#users.delete(keys[at])
    }))
  }

  single({ indices, keys }: Picks, revision: number): void {
    const [region, users] = [this.#region, this.#users]
    for (let at = 0; at < keys.length; at++) {
      region.transact(() => users.set(keys[at], userOf(indices[at]!, revision)))
    }
  }

  singleField({ indices, keys }: Picks, revision: number): void {
    const [region, users] = [this.#region, this.#users]
    for (let at = 0; at < keys.length; at++) {
      region.transact(() => { users.get(keys[at])!.visits = visitsOf(indices[at]!, revision) })
    }
  }

  grouped({ indices, keys }: Picks, revision: number, size: number): void {
    const users = this.#users
    inSlices(keys.length, size, (from, to) => this.#region.transact(() => {
      for (let at = from; at < to; at++) users.set(keys[at], userOf(indices[at]!, revision))
    }))
  }

  async writes({ indices, keys }: Picks, revision: number, burst: number): Promise<void> {
    const [region, users] = [this.#region, this.#users]
    for (let from = 0; from < keys.length; from += burst) {
      const promises: Promise<void>[] = []
      for (let at = from; at < Math.min(from + burst, keys.length); at++) {
        promises.push(region.write(() => users.set(keys[at], userOf(indices[at]!, revision))))
      }
      await Promise.all(promises)
    }
  }

  mix({ kinds, picks: { indices, keys }, lengths }: Mix): number {
    const [region, users] = [this.#region, this.#users]
    let sum = 0
    for (let at = 0; at < kinds.length; at++) {
      const key = keys[at]
      switch (kinds[at]) {
        case Kind.read: sum += weigh(users.get(key)!); break
        case Kind.update: region.transact(() => { users.get(key)!.visits = at }); break
        case Kind.insert: region.transact(() => users.set(key, userOf(indices[at]!))); break
        case Kind.scan:
          for (const user of users.values({ gte: key, limit: lengths[at]! })) sum += weigh(user)
          break
        case Kind.modify: region.transact(() => {
          const user = users.get(key)!
          sum += weigh(user)
          user.visits++
        })
      }
    }
    return sum
  }

  close(): void {
    this.#region.close()
  }
}

export const driver: Driver = {
  kind: 'store',
  name: 'rstore',
  settings: "256 MiB of private pages; durable: durability 'sync'; else 'none' "
    + '(a prefix survives a power failure)',
  methods: methodsOf(RegionTable),
  load: loadLibrary,
  version: () => JSON.parse(readFileSync(inRoot('package.json'), 'utf8')).version,
  async open(directory: string, { keys, durability, records, create }: OpenOptions) {
    const { Region: Regions, t } = await loadLibrary()
    const path = join(directory, 'users.region')
    const memory = { durability, privateBytes: '256MiB' } as const
    const region = create
      ? Regions.create(path, { capacity: capacityFor(records), ...memory })
      : Regions.open(path, memory)
    const type = t.struct('User', {
      name: t.string, address: t.string, balance: t.f64, updated: t.f64, visits: t.u32, level: t.u8,
    })
    const users = keys === 'number'
      ? region.map('users', t.u32, type) : region.map('users', t.string, type)
    return new RegionTable(region, users as unknown as Users)
  },
}
