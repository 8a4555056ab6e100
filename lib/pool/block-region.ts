/**
 * A block region: records, strings, arrays, maps and refs between them in memory of this thread,
 * without a file and without transactions. Made by `Pool.region`; see also README.
 */
import { RStoreError } from '../errors.js'
import type { NamedEntry } from '../map/catalog.js'
import { checkVerifyOptions } from '../map/verify/report.js'
import type { VerifyOptions, VerifyReport } from '../map/verify/report.js'
import { ReadRegion } from '../region/base/read-region.js'
import { evacuateNames, evacuateRef } from '../region/base/evacuate.js'
import { checkTarget, WritableRegion } from '../region/base/writable-region.js'
import type { Ref } from '../space/ref.js'
import { derefCell, refOfRecord } from '../region/base/cells.js'
import type { Frozen } from '../types/index.js'
import type { BlockSession } from './block-session.js'
import { verifyBlocks } from './verify.js'

function notContiguous(what: string): RStoreError {
  return new RStoreError('RSTORE_NOT_CONTIGUOUS',
    `${what}: a block region is in blocks all over its pool, and cannot be written out as it is. `
    + 'Use evacuate() to copy it into a region file', { what })
}

export class BlockRegion extends WritableRegion {
  /** @internal */
  declare readonly session: BlockSession
  private closed = false

  /** @internal Use Pool.region. */
  constructor(session: BlockSession) {
    super(session, true, () => session.openCatalog(true))
  }

  override names(): NamedEntry[] {
    return this.session.isClosed || this.session.catalogRoot !== 0 ? super.names() : []
  }

  /**
   * Ends allocation and writing, for good: what is left of the last block is the next region's.
   * The reader has the hold on the memory now: it lives until the reader's `free`, and as many more
   * as there were `retain`s. Throws RSTORE_READ_ONLY when it was sealed before.
   */
  seal(): SealedRegion {
    this.session.seal()
    this.closed = true
    return new SealedRegion(this.session)
  }

  /** One more hold: the memory is freed after one more `free`. */
  retain(): void {
    this.session.retain()
  }

  /** Gives up one hold; the last one frees all of the region at once, and every view is stale. */
  override free(): void
  /** Frees a record that `alloc` made, with everything it owns; what it only refers to stays. */
  override free(ref: Ref): void
  override free(ref?: Ref): void {
    if (ref === undefined) this.session.close()
    else super.free(ref)
  }

  /** As `free()`, once; nothing when the region was sealed: then the reader has the hold. */
  override close(): void {
    if (this.closed) return
    this.closed = true
    this.session.close()
  }

  /** See WritableRegion.evacuate. */
  override evacuate(target: WritableRegion): void
  override evacuate<V>(target: WritableRegion, ref: Ref<V>): Ref<V>
  override evacuate(target: WritableRegion, ref?: Ref): Ref | void {
    if (ref === undefined) super.evacuate(target)
    else return super.evacuate(target, this.session.current(ref) as Ref)
  }

  override deref<V>(ref: Ref<V>): V {
    return derefCell(this.session, this.session.current(ref)) as V
  }

  /**
   * Walks everything that it has and checks it. Damage is reported, never thrown. What nothing in
   * the region leads to is live: the program may have its ref.
   */
  override async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    checkVerifyOptions(options)
    const { session } = this
    session.assertOpen()
    session.settle()
    return verifyBlocks(session, session.catalogRoot === 0 ? undefined : this.catalog, options)
  }

  /** Throws RSTORE_NOT_CONTIGUOUS. */
  async backup(_path: string): Promise<never> {
    throw notContiguous('backup')
  }

  /** Throws RSTORE_NOT_CONTIGUOUS: for JSON, take plain copies with getObject() or toObject(). */
  override toJSON(): never {
    throw notContiguous('toJSON')
  }
}

/** A block region that nobody can write to any more. Several may hold it: see `retain`. */
export class SealedRegion extends ReadRegion {
  /** @internal */
  declare readonly session: BlockSession
  private closed = false

  /** @internal Use BlockRegion.seal. */
  constructor(session: BlockSession) {
    super(session, false, () => session.openCatalog(false))
  }

  /** The ref of a record, good as long as the record lives. */
  refOf<V>(view: V): Ref<V> {
    return refOfRecord(this.session, view) as Ref<V>
  }

  /** See WritableRegion.evacuate. */
  evacuate(target: WritableRegion): void
  evacuate<V>(target: WritableRegion, ref: Ref<V>): Ref<V>
  evacuate(target: WritableRegion, ref?: Ref): Ref | void {
    checkTarget(target)
    if (ref === undefined) {
      return evacuateNames(this.session, this.catalog, target.session, target.catalog)
    }
    return evacuateRef(this.session, target.session, this.session.current(ref))
  }

  override deref<V>(ref: Ref<V>): Frozen<V> {
    return derefCell(this.session, this.session.current(ref)) as Frozen<V>
  }

  /** One more hold. */
  retain(): void {
    this.session.retain()
  }

  /** Gives up one hold; the last one frees all of the region at once, and every view is stale. */
  free(): void {
    this.session.close()
  }

  /** As `free()`, once. */
  override close(): void {
    if (this.closed) return
    this.closed = true
    this.session.close()
  }

  /**
   * Walks everything that it has and checks it. Damage is reported, never thrown. What nothing in
   * the region leads to is live: the program may have its ref.
   */
  override async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    checkVerifyOptions(options)
    const { session } = this
    session.assertOpen()
    session.settle()
    return verifyBlocks(session, session.catalogRoot === 0 ? undefined : this.catalog, options)
  }

  /** Throws RSTORE_NOT_CONTIGUOUS. */
  async backup(_path: string): Promise<never> {
    throw notContiguous('backup')
  }
}
