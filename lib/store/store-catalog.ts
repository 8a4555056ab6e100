/**
 * What a store knows of its regions: a live region of its own, `catalog.region`. Its commits wait
 * for the disk only where something outside of it relies on them: its log is one sequence, so what
 * was committed before is on the disk, too. What a crash of the machine takes back otherwise,
 * counting anew finds (recount.ts).
 */
import { RStoreError } from '../errors.js'
import { Region } from '../region/region.js'
import type { Durability } from '../region/base/options.js'
import { t } from '../types/index.js'
import type { Infer } from '../types/index.js'
import { LAST_ID } from './files.js'
import type { RegionKind } from './files.js'

const Entry = t.struct('StoreEntry', {
  name: t.optional(t.string),
  kind: t.enum('live', 'packed'),
  /** Names, and regions that name it. */
  references: t.u32,
  /** Packed without waiting for the disk, and not brought there since. */
  unsynced: t.bool,
  /** Packed: how many packed regions it names. */
  named: t.u32,
  /** Packed: the first half of its uuid, which is a hash of its content. */
  content: t.u64,
  /** When it was begun, as a number that only rises. */
  serial: t.f64,
})

/** A reference that is to be taken back when nobody can see it any more. */
const Lowering = t.struct('StoreLowering', {
  id: t.u32,
  /** The region that named it, 0 for a name. */
  region: t.u32,
  /** The commit of that region that took it away. */
  epoch: t.f64,
})

const State = t.struct('StoreState', {
  /** The last serial number: of what is begun next it is one more, and gives its id (idOf). */
  serial: t.f64,
  nextLowering: t.u32,
  /** Who has the store open for writing. Whoever finds some, but is alone, knows that they died. */
  openers: t.u32,
  /** Counts may be too high, for want of a list that could not be read. */
  recount: t.bool,
})

export interface StoreEntry {
  id: number
  name: string | null
  kind: RegionKind
  references: number
  unsynced: boolean
  named: number
  content: bigint
  serial: number
}
/** What is known of a region when it was packed. */
export type NewPacked = Pick<StoreEntry, 'id' | 'name' | 'serial' | 'unsynced' | 'content'>

/** What a region took away with its commit `epoch`; 0 for what can never come back. */
export interface Lowered {
  readonly ids: readonly number[]
  readonly region: number
  readonly epoch: number
}
export interface PendingLowering {
  key: number
  id: number
  region: number
  epoch: number
}

/** Ids are given anew when all were given: those that are free then. */
const idOf = (serial: number): number => (serial - 1) % LAST_ID + 1

export class StoreCatalog {
  readonly region: Region
  private readonly entries
  private readonly names
  private readonly lowerings
  private readonly state

  constructor(path: string, mode: 'create' | 'write' | 'read') {
    this.region =
      mode === 'create'
        ? Region.openOrCreate(path, { capacity: '1GiB', durability: 'none' })
        : Region.open(path, { durability: 'none', readOnly: mode === 'read' } as {
            readOnly: false
          })
    try {
      if (mode === 'read') this.refuseUnfinished(path)
      this.entries = this.region.map('regions', t.u32, Entry)
      this.names = this.region.map('names', t.string, t.u32)
      this.lowerings = this.region.map('lowerings', t.u32, Lowering)
      this.state = this.region.value('state', State)
      if (mode !== 'read') this.begin()
    } catch (error) {
      this.region.close()
      throw error
    }
  }

  /** Whoever made the file may have died before this, its first commit. */
  private begin(): void {
    if (this.region.read(() => this.state.get()) !== undefined) return
    this.region.transact(() => {
      if (this.state.get() !== undefined) return
      this.state.set({ serial: 0, nextLowering: 1, openers: 0, recount: false })
    })
  }

  private refuseUnfinished(path: string): void {
    if (this.region.names().length > 0) return
    throw new RStoreError(
      'RSTORE_NOT_FOUND',
      `${path} is empty: who made this store died before its first commit. Open it for writing`,
      { path },
    )
  }

  private record(): Infer<typeof State> {
    return this.state.get()!
  }

  transact<R>(fn: () => R, durability: Durability = 'none'): R {
    return this.region.transact(fn, { durability })
  }

  /** Asked by whoever is alone: nobody died while having it open, and all lists could be read. */
  get isExact(): boolean {
    return this.region.read(() => this.record().openers === 0 && !this.record().recount)
  }

  setExact(exact: boolean): void {
    this.transact(() => {
      this.record().recount = !exact
    })
  }

  /** Who has the store open for writing, or died while having it open. */
  get openers(): number {
    return this.region.read(() => this.record().openers)
  }

  /** The last commit. */
  get epoch(): number {
    return this.region.read(() => this.region.session.view.epoch)
  }

  /** One opener more or less; `alone`: exactly one. */
  addOpener(alone: boolean): void {
    this.transact(() => {
      this.record().openers = alone ? 1 : this.record().openers + 1
    }, 'sync')
  }

  removeOpener(): void {
    this.transact(() => {
      this.record().openers--
    })
  }

  private entryOf(id: number, view: Infer<typeof Entry>): StoreEntry {
    const { name = null, kind, references, unsynced, named, content, serial } = view
    return { id, name, kind, references, unsynced, named, content, serial }
  }

  find(id: number): StoreEntry | undefined {
    return this.region.read(() => {
      const view = this.entries.get(id)
      return view === undefined ? undefined : this.entryOf(id, view)
    })
  }

  /** Whether a region is there; true also where that cannot be read. */
  mayHave(id: number): boolean {
    try {
      return this.region.read(() => this.entries.has(id))
    } catch {
      return true
    }
  }

  byName(name: string): StoreEntry | undefined {
    return this.region.read(() => {
      const id = this.names.get(name)
      return id === undefined ? undefined : this.find(id)
    })
  }

  list(): StoreEntry[] {
    return this.region.read(() => Array.from(this.entries, ([id, view]) => this.entryOf(id, view)))
  }

  /** For what is begun now. */
  takeId(durability: Durability = 'none'): { id: number; serial: number } {
    return this.transact(() => {
      const state = this.record()
      let serial = state.serial + 1
      while (this.entries.has(idOf(serial))) serial++
      state.serial = serial
      return { id: idOf(serial), serial }
    }, durability)
  }

  wasGiven(id: number): boolean {
    return this.region.read(() => this.record().serial >= id)
  }

  /** Not to be given to another region, as far as there are other ids. */
  passId(id: number): void {
    if (this.wasGiven(id)) return
    this.transact(() => {
      this.record().serial = id
    })
  }

  /** The region of this name: a live one that has its file, where there is no other. */
  nameLive(name: string, id: number, serial: number): StoreEntry {
    return this.transact(() => {
      const known = this.byName(name)
      if (known !== undefined) return known
      const zeros = { unsynced: false, named: 0, content: 0n }
      const entry = { name, kind: 'live', references: 1, serial, ...zeros } as const
      this.entries.set(id, entry)
      this.names.set(name, id)
      return { id, ...entry }
    }, 'sync')
  }

  /** Throws RSTORE_EXISTS when the name is taken. */
  refuseTaken(name: string): void {
    const taken = this.byName(name)
    if (taken === undefined) return
    const { id, kind } = taken
    throw new RStoreError(
      'RSTORE_EXISTS',
      `the store has a ${kind} region called ${JSON.stringify(name)} already`,
      { name, id },
    )
  }

  /**
   * What was packed is there, and what it names is counted. A name is one reference. Throws
   * RSTORE_EXISTS when the name is taken.
   */
  publish({ id, name, ...known }: NewPacked, named: readonly number[]): void {
    this.transact(
      () => {
        if (name !== null) this.refuseTaken(name)
        for (const other of named) this.raiseOne(other)
        const references = name === null ? 0 : 1
        this.entries.set(id, {
          name: name ?? undefined, kind: 'packed', references, named: named.length, ...known,
        })
        if (name !== null) this.names.set(name, id)
      },
      known.unsynced ? 'none' : 'sync',
    )
  }

  setSynced(ids: readonly number[]): void {
    this.transact(() => {
      for (const id of ids) {
        const entry = this.entries.get(id)
        if (entry !== undefined) entry.unsynced = false
      }
    })
  }

  /** Gives up a name, and with it one reference. False when the region has it no more. */
  unname(name: string, id: number): boolean {
    return this.transact(() => {
      if (this.names.get(name) !== id) return false
      this.names.delete(name)
      const entry = this.entries.get(id)!
      entry.name = undefined
      entry.references--
      return true
    }, 'sync')
  }

  remove(id: number): void {
    this.transact(() => {
      const name = this.entries.get(id)?.name
      if (name !== undefined) this.names.delete(name)
      this.entries.delete(id)
    })
  }

  /**
   * Packed regions go that are still named by nobody, and what they name is queued: `named` gives
   * undefined where it could not be read. Returns those that went.
   */
  removeUnnamed(
    ids: readonly number[], named: (entry: StoreEntry) => readonly number[] | undefined,
  ): number[] {
    return this.transact(() => ids.filter((id) => {
      const entry = this.find(id)
      if (entry?.kind !== 'packed' || entry.references !== 0) return false
      this.removeWith(id, named(entry))
      return true
    }))
  }

  /**
   * A region goes, whoever names it. False when it is gone already: what it named was queued then,
   * and must not be lowered twice.
   */
  removeWith(id: number, named: readonly number[] | undefined): boolean {
    return this.transact(() => {
      const entry = this.entries.get(id)
      if (entry === undefined) return false
      if (named === undefined) this.record().recount = true
      else this.queue([entry.kind === 'live' ? { ids: named, region: id, epoch: 1 }
        : { ids: named, region: 0, epoch: 0 }])
      this.remove(id)
      return true
    })
  }

  /**
   * `by` names these from now on; `sync` as for the commit that names them. Throws
   * RSTORE_NOT_FOUND when one of them is gone.
   */
  raise(ids: readonly number[], by: number, sync: boolean): void {
    this.transact(() => {
      if (!this.entries.has(by)) {
        throw new RStoreError(
          'RSTORE_NOT_FOUND',
          `region ${by} was dropped from the store: it cannot name packed regions any more`,
          { id: by },
        )
      }
      for (const id of ids) this.raiseOne(id)
    }, sync ? 'sync' : 'none')
  }

  private raiseOne(id: number): void {
    const entry = this.entries.get(id)
    if (entry !== undefined) {
      entry.references++
      return
    }
    throw new RStoreError(
      'RSTORE_NOT_FOUND',
      `packed region ${id} is not in the store any more`,
      { id },
    )
  }

  setReferences(id: number, references: number): void {
    this.transact(() => {
      const entry = this.entries.get(id)
      if (entry !== undefined && entry.references !== references) entry.references = references
    })
  }

  /**
   * Regions name these no more. What a dropped region named was queued then: what it did meanwhile
   * is not known.
   */
  queue(lowered: readonly Lowered[]): void {
    this.transact(() => {
      const state = this.record()
      for (const { ids, region, epoch } of lowered) {
        if (epoch !== 0 && !this.entries.has(region)) state.recount = true
        else for (const id of ids) this.lowerings.set(this.freeKey(state), { id, region, epoch })
      }
    })
  }

  /** Keys rise as long as something waits, and begin anew when nothing does. */
  private freeKey(state: Infer<typeof State>): number {
    let key = this.lowerings.size === 0 ? 1 : state.nextLowering
    while (this.lowerings.has(key)) key = key % LAST_ID + 1
    state.nextLowering = key % LAST_ID + 1
    return key
  }

  get hasQueued(): boolean {
    return this.region.read(() => this.lowerings.size > 0)
  }

  queued(): PendingLowering[] {
    return this.region.read(() =>
      Array.from(this.lowerings, ([key, view]) => ({
        key,
        id: view.id,
        region: view.region,
        epoch: view.epoch,
      })),
    )
  }

  /**
   * Carries out what was queued, as far as nobody else has since: then something else may have its
   * key. Returns what nobody names then.
   */
  lower(done: readonly PendingLowering[]): number[] {
    return this.transact(() => done.flatMap(({ key, id, region, epoch }) => {
      const found = this.lowerings.get(key)
      const isStillThere = found?.id === id && found.region === region && found.epoch === epoch
      if (!isStillThere) return []
      this.lowerings.delete(key)
      const entry = this.entries.get(id)
      if (entry === undefined || entry.references === 0) return []
      return --entry.references === 0 ? [id] : []
    }))
  }

  clearQueue(): void {
    this.transact(() => {
      this.lowerings.clear()
    })
  }

  close(): void {
    this.region.close()
  }
}
