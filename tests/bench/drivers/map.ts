/** A JavaScript `Map` of plain objects: what memory in one process costs, without a file. */
import { methodsOf, type Driver, type OpenOptions, type Table } from '../driver.js'
import { Kind, type Mix } from '../mix.js'
import { sequence } from '../random.js'
import { picksOf, userOf, weigh, type Picks, type User } from '../record.js'

type Key = number | string

export class MapTable implements Table {
  readonly map: Map<Key, User>

  constructor(map: Map<Key, User>) {
    this.map = map
  }

  readWhole({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += weigh(this.map.get(keys[at])!)
    return sum
  }

  readField({ keys }: Picks): number {
    let sum = 0
    for (let at = 0; at < keys.length; at++) sum += this.map.get(keys[at])!.visits
    return sum
  }

  scanField(): number {
    let sum = 0
    for (const user of this.map.values()) sum += user.visits
    return sum
  }

  scanWhole(): number {
    let sum = 0
    for (const user of this.map.values()) sum += weigh(user)
    return sum
  }

  insert(picks: Picks): void {
    this.overwrite(picks, 0)
  }

  overwrite({ indices, keys }: Picks, revision: number): void {
    for (let at = 0; at < keys.length; at++) this.map.set(keys[at], userOf(indices[at]!, revision))
  }

  delete({ keys }: Picks): void {
    for (let at = 0; at < keys.length; at++) this.map.delete(keys[at])
  }

  mix({ kinds, picks: { indices, keys } }: Mix): number {
    let sum = 0
    for (let at = 0; at < kinds.length; at++) {
      const user = this.map.get(keys[at])
      switch (kinds[at]) {
        case Kind.read: sum += weigh(user!); break
        case Kind.update: user!.visits = at; break
        case Kind.insert: this.map.set(keys[at], userOf(indices[at]!)); break
        case Kind.modify:
          sum += weigh(user!)
          user!.visits++
      }
    }
    return sum
  }

  close(): void {
    this.map.clear()
  }
}

/** The records 0 to `count` - 1, in a map. */
export function mapOf({ keys: kind, records }: OpenOptions): Map<Key, User> {
  const { indices, keys } = picksOf(kind, sequence(0, records))
  const map = new Map<Key, User>()
  for (let at = 0; at < records; at++) map.set(keys[at], userOf(indices[at]!))
  return map
}

export const driver: Driver = {
  kind: 'memory',
  name: 'Map',
  settings: 'in memory, one process',
  methods: methodsOf(MapTable),
  load: async () => undefined,
  version: () => process.versions.v8,
  open: async (_, options) => new MapTable(options.create ? new Map() : mapOf(options)),
  prepare: async () => undefined,
}
