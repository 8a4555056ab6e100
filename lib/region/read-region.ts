/** What every contiguous region offers, and what those offer that are only read. */
import { CONTROL, STATE } from '../space/allocation-words.js'
import { Catalog } from '../map/catalog.js'
import type { NamedEntry } from '../map/catalog.js'
import { verifySession } from '../map/verify.js'
import type { VerifyOptions, VerifyReport } from '../map/verify.js'
import type { Ref } from '../space/ref.js'
import type { Frozen, ReadMap, RMultimap, Type } from '../types/index.js'
import { derefCell } from './cells.js'
import type { RegionSession } from './session.js'

/** Numbers about a region. Bytes, unless the name says otherwise. */
export interface RegionStats {
  /** Upper bound of the file. */
  capacity: number
  /** Length of the file. */
  fileBytes: number
  /** In live cells. */
  allocatedBytes: number
  /** In free cells. */
  freeBytes: number
  /** The commit that this handle shows. */
  epoch: number
  /** The last commit that is in the file itself; later ones are in the log. */
  checkpointEpoch: number
  /** Length of the redo log. */
  logBytes: number
  /** Pages of this handle that differ from the file. */
  privateBytes: number
  /** Page faults served for this handle. */
  faults: number
  /** Handles that read a commit at the moment, in all processes. */
  readers: number
}

export abstract class RegionBase implements Disposable {
  /** @internal */
  readonly session: RegionSession
  protected readonly catalog: Catalog

  constructor(session: RegionSession, create = false) {
    this.session = session
    this.catalog = new Catalog(session, { create })
  }

  /** Absolute path of the file. */
  get path(): string {
    return this.session.view.path
  }

  /** What the region has names for, in order of names. */
  names(): NamedEntry[] {
    this.session.assertOpen()
    return this.catalog.names()
  }

  /**
   * Walks everything that can be reached and checks it. Damage is reported, never thrown. Works
   * through the region in steps and lets other work run in between.
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    this.session.assertOpen()
    return verifySession(this.session, this.catalog, options)
  }

  stats(): RegionStats {
    const { session } = this
    session.assertOpen()
    session.enter()
    const { view } = session
    const { u32 } = view.space.windows[0]!
    const native = view.native.stats()
    return {
      capacity: view.capacityBytes,
      fileBytes: native.fileBytes,
      allocatedBytes: u32[STATE.allocatedUnits]! * 8,
      freeBytes: u32[STATE.freeUnits]! * 8,
      epoch: view.epoch,
      checkpointEpoch: native.checkpointEpoch,
      logBytes: native.logBytes,
      privateBytes: native.privateBytes,
      faults: view.control[CONTROL.faultCount]!,
      readers: view.native.readers().filter((reader) => reader.epoch !== 0).length,
    }
  }

  /** Ends every view and map of this handle. The last handle to close leaves the file complete. */
  close(): void {
    this.session.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** A region that this handle only reads. */
export abstract class ReadRegion extends RegionBase {
  /**
   * Opens a named map. Throws RSTORE_NOT_FOUND when there is none (a writable region makes it), and
   * RSTORE_TYPE_MISMATCH when it is stored with other types.
   */
  map<K, V>(name: string, key: Type<K, any>, value: Type<V, any>): ReadMap<K, Frozen<V>> {
    this.session.assertOpen()
    return this.catalog.map(name, key, value) as unknown as ReadMap<K, Frozen<V>>
  }

  /** Opens a named multimap; as `map`. */
  multimap<K, V>(name: string, key: Type<K, any>, value: Type<V, any>): Frozen<RMultimap<K, V>> {
    this.session.assertOpen()
    return this.catalog.multimap(name, key, value) as unknown as Frozen<RMultimap<K, V>>
  }

  /** Opens a named value; as `map`. */
  value<V>(name: string, type: Type<V, any>): { get(): Frozen<V> | undefined } {
    this.session.assertOpen()
    return this.catalog.value(name, type) as unknown as { get(): Frozen<V> | undefined }
  }

  /** The record at a ref. Throws RSTORE_STALE_VIEW when there is none. */
  deref<V>(ref: Ref<V>): Frozen<V> {
    return derefCell(this.session, ref) as Frozen<V>
  }
}
