/**
 * What a store knows of its regions: a live region of its own, `catalog.region`. Its commits wait
 * for the disk only where something outside of it relies on them: its log is one sequence, so what
 * was committed before is on the disk, too. What a crash of the machine takes back otherwise,
 * counting anew finds (recount.ts).
 */
import { RStoreError } from '../errors.js'
import { Region } from '../region/region.js'
import type { Durability } from '../region/options.js'
import { t } from '../types/index.js'
import type { Infer } from '../types/index.js'

const Entry = t.struct('StoreEntry', {
  name: t.optional(t.string),
  /** 'packing' is a packed region that is not there yet. */
  kind: t.enum('live', 'packed', 'packing'),
  /** Names, and regions that name it. */
  references: t.u32,
  /** Packed without waiting for the disk, and not brought there since. */
  unsynced: t.bool,
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
  nextId: t.u32,
  nextLowering: t.u32,
  /** Who has the store open for writing. Whoever finds some, but is alone, knows that they died. */
  openers: t.u32,
  /** Counts may be too high, for want of a list that could not be read. */
  recount: t.bool,
})

export type EntryKind = 'live' | 'packed' | 'packing'
export interface StoreEntry {
  id: number
  name: string | null
  kind: EntryKind
  references: number
  unsynced: boolean
}
export interface PendingLowering {
  key: number
  id: number
  region: number
  epoch: number
}

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
    this.entries = this.region.map('regions', t.u32, Entry)
    this.names = this.region.map('names', t.string, t.u32)
    this.lowerings = this.region.map('lowerings', t.u32, Lowering)
    this.state = this.region.value('state', State)
    if (mode !== 'create') return
    this.region.transact(() => {
      if (this.state.get() !== undefined) return
      this.state.set({ nextId: 1, nextLowering: 1, openers: 0, recount: false })
    })
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
    return {
      id,
      name: view.name ?? null,
      kind: view.kind,
      references: view.references,
      unsynced: view.unsynced,
    }
  }

  find(id: number): StoreEntry | undefined {
    return this.region.read(() => {
      const view = this.entries.get(id)
      return view === undefined ? undefined : this.entryOf(id, view)
    })
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

  /** A new id. A name is one reference. Throws RSTORE_EXISTS when it is taken. */
  add(name: string | null, kind: EntryKind): number {
    return this.transact(() => {
      if (name !== null) this.refuseTaken(name)
      const state = this.record()
      const id = state.nextId
      state.nextId = id + 1
      const references = name === null ? 0 : 1
      this.entries.set(id, { name: name ?? undefined, kind, references, unsynced: false })
      if (name !== null) this.names.set(name, id)
      return id
    })
  }

  private refuseTaken(name: string): void {
    const id = this.names.get(name)
    if (id === undefined) return
    throw new RStoreError(
      'RSTORE_EXISTS',
      `the store has a ${this.entries.get(id)!.kind} region called ${JSON.stringify(name)} already`,
      { name, id },
    )
  }

  /** What was being packed is there. */
  publish(id: number, unsynced: boolean): void {
    this.transact(
      () => {
        const entry = this.entries.get(id)!
        entry.kind = 'packed'
        entry.unsynced = unsynced
      },
      unsynced ? 'none' : 'sync',
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

  /** Gives up a name, and with it one reference. */
  unname(name: string): number {
    return this.transact(() => {
      const id = this.names.get(name)!
      this.names.delete(name)
      const entry = this.entries.get(id)!
      entry.name = undefined
      entry.references--
      return id
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
   * A region without names goes, if it is still unnamed; and what it names is queued. Undefined
   * where that could not be read. False when somebody names it meanwhile.
   */
  removeUnnamed(id: number, named: readonly number[] | undefined): boolean {
    return this.transact(() => {
      const entry = this.entries.get(id)
      if (entry?.kind !== 'packed' || entry.references !== 0) return false
      this.removeWith(id, named)
      return true
    })
  }

  /** A region goes, whoever names it. */
  removeWith(id: number, named: readonly number[] | undefined): void {
    this.transact(() => {
      if (named === undefined) this.record().recount = true
      else this.queue(named, 0, 0)
      this.remove(id)
    })
  }

  /** `by` names it from now on. Throws RSTORE_NOT_FOUND when one of them is gone. */
  raise(id: number, by: number): void {
    this.transact(() => {
      if (!this.entries.has(by)) {
        throw new RStoreError(
          'RSTORE_NOT_FOUND',
          `region ${by} was dropped from the store: it cannot name packed regions any more`,
          { id: by },
        )
      }
      const entry = this.entries.get(id)
      if (entry === undefined) {
        throw new RStoreError(
          'RSTORE_NOT_FOUND',
          `packed region ${id} is not in the store any more`,
          { id },
        )
      }
      entry.references++
    }, 'sync')
  }

  setReferences(id: number, references: number): void {
    this.transact(() => {
      const entry = this.entries.get(id)
      if (entry !== undefined && entry.references !== references) entry.references = references
    })
  }

  /**
   * `region` names these no more, since its commit `epoch`. What a dropped region named was queued
   * then: what it did meanwhile is not known.
   */
  queue(ids: readonly number[], region: number, epoch: number): void {
    this.transact(() => {
      const state = this.record()
      if (epoch !== 0 && !this.entries.has(region)) {
        state.recount = true
        return
      }
      for (const id of ids) {
        const key = state.nextLowering
        state.nextLowering = key + 1
        this.lowerings.set(key, { id, region, epoch })
      }
    })
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

  /** Carries out what was queued. */
  lower(done: readonly PendingLowering[]): void {
    this.transact(() => {
      for (const { key, id } of done) {
        if (!this.lowerings.delete(key)) continue
        const entry = this.entries.get(id)
        if (entry !== undefined && entry.references > 0) entry.references--
      }
    })
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
