/**
 * The packed regions of a store that this process uses: handles that were given out, what
 * transactions are about to name, and what fields led to.
 */
import { RStoreError } from '../errors.js'
import type { VerifyOptions, VerifyReport } from '../map/verify/report.js'
import { loadSession, Packed } from '../region/packed/packed.js'
import type { PackedSession } from '../region/packed/packed.js'
import type { AnyType } from '../types/type.js'
import { byteOf } from './locks.js'
import type { StoreParts } from './parts.js'
import { StorePackedSession } from './sessions.js'

/** Packed regions that are kept mapped because fields of them were read. */
const SHARED_LIMIT = 256
/** Those, and what one turn read beyond them, stay within the system's limits on open files. */
const CLOSING_LIMIT = 500
/** An id is not given again as soon as that (store-catalog.ts). */
const SHARED_MS = 60 * 60 * 1000

interface Shared {
  readonly packed: Packed
  /** On a clock that nobody can set. */
  readonly since: number
}

export const contentOf = (uuid: Uint8Array): bigint =>
  new DataView(uuid.buffer, uuid.byteOffset).getBigUint64(0, true)

export class PackedRegions {
  /** How many use each: while there are any, its byte is locked. */
  private readonly uses = new Map<number, number>()
  private readonly handles = new Map<number, Set<Packed<any>>>()
  private readonly ids = new WeakMap<PackedSession, number>()
  /** Least recently used first. */
  private readonly sharedRegions = new Map<number, Shared>()
  /** How many block regions of this process name each. */
  private readonly inBlocks = new Map<number, number>()
  /** No longer among them, to be closed when the turn is over. */
  private readonly closing: Packed[] = []

  constructor(private readonly store: StoreParts) {}

  /** Of a packed region of this store, else 0. */
  idOf(session: PackedSession): number {
    return this.ids.get(session) ?? 0
  }

  isUsed(id: number): boolean {
    return this.uses.has(id)
  }

  /** Handles of this process. */
  openHandles(id: number): number {
    return this.handles.get(id)?.size ?? 0
  }

  /** Nobody deletes it until `letGo`. Throws RSTORE_NOT_FOUND when somebody did. */
  use(id: number): void {
    const { locks, catalog } = this.store
    const uses = this.uses.get(id) ?? 0
    if (uses === 0) {
      locks.share(byteOf(id), `packed region ${id} is being deleted`)
      if (catalog.find(id) === undefined) {
        locks.unlock(byteOf(id))
        throw new RStoreError('RSTORE_NOT_FOUND',
          `packed region ${id} was deleted meanwhile`, { id })
      }
    }
    this.uses.set(id, uses + 1)
  }

  letGo(id: number): void {
    const uses = this.uses.get(id)! - 1
    if (uses > 0) {
      this.uses.set(id, uses)
      return
    }
    this.uses.delete(id)
    this.store.locks.unlock(byteOf(id))
    this.store.collector.letGo(id)
  }

  /** A block region of this process names it: nobody deletes it until `letGoForRegion`. */
  holdForRegion(id: number): void {
    this.use(id)
    this.inBlocks.set(id, this.namedInBlocks(id) + 1)
  }

  /** Nothing when the store was closed: that ended all holds. */
  letGoForRegion(id: number): void {
    const count = this.namedInBlocks(id)
    if (count === 0) return
    if (count === 1) this.inBlocks.delete(id)
    else this.inBlocks.set(id, count - 1)
    this.letGo(id)
  }

  /** How many block regions of this process name it. */
  namedInBlocks(id: number): number {
    return this.inBlocks.get(id) ?? 0
  }

  /** A new handle. */
  open<V>(id: number, root: AnyType | undefined): Packed<V> {
    this.use(id)
    let packed: Packed<V>
    try {
      packed = this.loadAs<V>(id, root)
    } catch (error) {
      this.letGo(id)
      throw error
    }
    const set = this.handles.get(id) ?? new Set()
    this.handles.set(id, set.add(packed))
    packed.onClose = () => this.closed(id, packed)
    return packed
  }

  private closed(id: number, packed: Packed<any>): void {
    const set = this.handles.get(id)!
    set.delete(packed)
    if (set.size === 0) this.handles.delete(id)
    this.letGo(id)
  }

  private loadAs<V>(id: number, root: AnyType | undefined): Packed<V> {
    const session = this.load(id, 'none')
    try {
      const packed = new Packed<V>(session, root, 0)
      this.ids.set(session, id)
      return packed
    } catch (error) {
      session.close()
      throw error
    }
  }

  /** Throws what is wrong with its file; RSTORE_CORRUPT when that is another region's. */
  load(id: number, verify: 'none' | 'lazy' | 'full'): StorePackedSession {
    const { files, catalog } = this.store
    const path = files.pathOf(id, 'packed')
    const session = loadSession(path, { verify }, (absolute, native, opened) =>
      new StorePackedSession(absolute, native, opened).attachTo(this.store, id))
    const entry = catalog.find(id)
    if (entry === undefined || entry.content === contentOf(session.opened.uuid)) return session
    session.close()
    throw new RStoreError('RSTORE_CORRUPT',
      `${path} holds another region than the one that was packed as ${id}: somebody replaced it`,
      { path, id })
  }

  async verify(id: number, options: VerifyOptions): Promise<VerifyReport> {
    const packed = this.loadAs(id, undefined)
    try {
      return await packed.verify(options)
    } finally {
      packed.close()
    }
  }

  /** The packed region that a field names, mapped once for all who read it. */
  shared(id: number): Packed {
    this.store.assertOpen()
    const known = this.sharedRegions.get(id)
    if (known !== undefined) this.sharedRegions.delete(id)
    const now = performance.now()
    const isFresh = known !== undefined && now - known.since < SHARED_MS
    if (known !== undefined && !isFresh) this.closeSoon(known.packed)
    const shared = isFresh ? known : { packed: this.loadAs(id, undefined), since: now }
    this.sharedRegions.set(id, shared)
    if (this.sharedRegions.size > SHARED_LIMIT) this.evict()
    return shared.packed
  }

  private evict(): void {
    const [oldest] = this.sharedRegions
    this.sharedRegions.delete(oldest![0])
    this.closeSoon(oldest![1].packed)
  }

  /** When the turn is over, so that no view of it is in use; earlier when a turn reads too many. */
  private closeSoon(packed: Packed): void {
    if (this.closing.length === 0) setImmediate(() => this.closeEvicted())
    this.closing.push(packed)
    if (this.closing.length > CLOSING_LIMIT) this.closing.shift()!.close()
  }

  private closeEvicted(): void {
    for (const packed of this.closing.splice(0)) packed.close()
  }

  /** It was deleted. */
  forget(id: number): void {
    this.sharedRegions.get(id)?.packed.close()
    this.sharedRegions.delete(id)
  }

  /** Whoever has held something holds it no more. */
  closeHandles(): void {
    for (const set of [...this.handles.values()]) for (const packed of [...set]) packed.close()
    for (const [id, count] of [...this.inBlocks]) {
      for (let i = 0; i < count; i++) this.letGoForRegion(id)
    }
  }

  closeShared(): void {
    for (const { packed } of this.sharedRegions.values()) packed.close()
    this.sharedRegions.clear()
    this.closeEvicted()
  }
}
