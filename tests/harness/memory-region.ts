/**
 * A region in plain memory, with the real session, types and maps over it: for tests that need no
 * file.
 */
import { C } from '../../formats/index.js'
import { RStoreError } from '../../lib/errors.js'
import { Catalog } from '../../lib/map/catalog.js'
import { createStructures } from '../../lib/map/structures.js'
import { NEXT_TYPE_UNIT, TYPES_ROOT } from '../../lib/region/base/blank.js'
import { allocCell, derefCell, freeCell, refOfRecord } from '../../lib/region/base/cells.js'
import { undoAll, type Notice } from '../../lib/region/base/open-session.js'
import type { Ref } from '../../lib/space/ref.js'
import { createTree } from '../../lib/tree/open.js'
import { Lease, Session, type EndReason } from '../../lib/types/context.js'
import type { RMap, RMultimap, RValue, Type } from '../../lib/types/index.js'
import { TypeRegistry } from '../../lib/types/registry.js'
import { blockSession } from './block-region.js'
import { MemorySpace } from './memory-space.js'

class MemorySession extends Session {
  readonly registry: TypeRegistry
  readonly structures = createStructures()
  readonly path = null
  readOnly = false
  closed = false
  notices: Notice[] = []

  constructor(override readonly space: MemorySpace) {
    super(space, space.control)
    this.registry = new TypeRegistry(this, TYPES_ROOT, NEXT_TYPE_UNIT)
  }

  protected renew(): void {
    if (this.closed) throw new RStoreError('RSTORE_CLOSED', 'the region was closed')
    this.lease = new Lease(this)
  }
  protected refuseWrite(): never {
    if (this.closed) throw new RStoreError('RSTORE_CLOSED', 'the region was closed')
    if (this.readOnly) {
      throw new RStoreError('RSTORE_READ_ONLY', 'the region was opened for reading')
    }
    throw new RStoreError('RSTORE_NOT_IN_TRANSACTION', 'a change outside of a transaction')
  }
  protected throwFault(): void {
    throw new RStoreError('RSTORE_CORRUPT', 'a fault was served', { fault: this.faults[0] })
  }

  end(reason: EndReason): void {
    this.lease.end(reason)
    this.space.detachAll()
  }

  override holds(ref: number): boolean {
    return this.space.windows[ref >>> 28]!.u8.length > 0
  }

  override atomically<R>(fn: () => R): R {
    if (this.spoiled !== undefined) throw this.spoiled
    const { length } = this.notices
    this.space.savepoint()
    try {
      const result = fn()
      if (this.spoiled !== undefined) throw this.spoiled
      this.space.releaseSavepoint()
      return result
    } catch (error) {
      this.space.rollbackSavepoint()
      this.spoiled = undefined
      undoAll(this.notices.splice(length))
      this.end('rollback')
      this.serial++
      this.lease = new Lease(this)
      throw error
    }
  }

  transact<R>(fn: () => R): R {
    if (this.writable) return this.atomically(fn)
    if (this.readOnly || this.closed) this.refuseWrite()
    this.end('refresh')
    this.lease = new Lease(this)
    this.space.beginTransaction()
    this.writable = true
    try {
      const result = fn()
      if (this.spoiled !== undefined) throw this.spoiled
      this.leave()
      this.space.commit()
      this.writable = false
      this.end('commit')
      this.notices.splice(0).forEach(({ notify }) => notify())
      return result
    } catch (error) {
      this.writable = false
      this.spoiled = undefined
      undoAll(this.notices.splice(0))
      this.end('rollback')
      this.serial++
      this.space.rollback()
      throw error
    }
  }

  override transactOrJoin<R>(fn: () => R): R {
    return this.transact(fn)
  }
  override noteChange(notify: () => void, undo?: () => void): void {
    this.notices.push({ notify, undo })
  }
  override externalView(ref: Ref, offset: number, bytes: number): ArrayBuffer | null {
    if (!this.writable) return null
    const at = (ref & 0x0fff_ffff) * 8 + offset
    return this.space.windowOf(ref).u8.slice(at, at + bytes).buffer as ArrayBuffer
  }
}

/**
 * What a region offers, as far as types and maps go. Over blocks of a pool instead, when the test
 * was started so: see block-region.ts.
 */
export class MemoryRegion {
  readonly space: MemorySpace
  readonly session: MemorySession
  readonly catalog: Catalog

  constructor(capacityBytes = 64 * 2 ** 20) {
    const blocks = blockSession()
    if (blocks !== undefined) {
      this.space = blocks.space as unknown as MemorySpace
      this.session = blocks as unknown as MemorySession
      this.catalog = blocks.openCatalog(true)
      return
    }
    this.space = new MemorySpace({ capacityBytes })
    this.formatRoots()
    this.session = new MemorySession(this.space)
    this.catalog = new Catalog(this.session, { create: true })
  }

  /** The catalog and the types tree are at pages of their own, before the data. */
  private formatRoots(): void {
    this.space.transact(() => {
      for (const [page, typeId, kind] of [
        [C.CATALOG_PAGE, C.TYPE_CATALOG_ROOT, 'bytes'], [C.TYPES_PAGE, C.TYPE_TYPES_ROOT, 'u32'],
      ] as const) {
        const shape = { typeId, valueBytes: 4, rootBytes: C.PAGE_BYTES } as const
    const made = createTree(this.space, kind, shape)
        const { u8 } = this.space.windowOf(made)
        u8.copyWithin(page * C.PAGE_BYTES, made * 8, made * 8 + C.PAGE_BYTES)
        this.space.free(made)
      }
    })
  }

  transact<R>(fn: () => R): R {
    return this.session.transact(fn)
  }
  /** A new turn, or a refresh: all views end. */
  turn(): void {
    this.session.end('turn')
  }
  map<K, V, I>(name: string, key: Type<K, any>, value: Type<V, I>): RMap<K, V, I> {
    return this.catalog.map(name, key, value) as unknown as RMap<K, V, I>
  }
  multimap<K, V>(name: string, key: Type<K, any>, value: Type<V, any>): RMultimap<K, V> {
    return this.catalog.multimap(name, key, value) as unknown as RMultimap<K, V>
  }
  value<V, I>(name: string, type: Type<V, I>): RValue<V, I> {
    return this.catalog.value(name, type) as unknown as RValue<V, I>
  }
  alloc<V, I>(type: Type<V, I>, value: I): Ref<V> {
    return allocCell(this.session, type, value) as Ref<V>
  }
  deref<V>(ref: Ref<V>): V {
    return derefCell(this.session, ref) as V
  }
  refOf<V>(view: V): Ref<V> {
    return refOfRecord(this.session, view) as Ref<V>
  }
  free(ref: Ref): void {
    freeCell(this.session, ref)
  }
}
