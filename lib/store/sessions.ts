/** The sessions of a store's regions: as any other, but they know what packed fields name. */
import type { NativePackWriter, OpenedPack } from '../native/binding.js'
import { PackSession } from '../region/pack-session.js'
import { PackedSession } from '../region/packed.js'
import { RegionSession } from '../region/session.js'
import type { View } from '../region/view.js'
import type { PackedType } from '../types/packed/packed.js'
import { References } from './references.js'
import type { PackedName } from './references.js'
import type { Store } from './store.js'

export class StoreRegionSession extends RegionSession {
  private readonly references: References

  constructor(
    view: View,
    private readonly store: Store,
    id: number,
    readOnly: boolean,
  ) {
    super(view, readOnly)
    this.references = new References(store, id, this)
  }

  override readPacked(type: PackedType, regionId: number): unknown {
    return this.references.read(type, regionId)
  }

  override preparePacked(type: PackedType, value: unknown, where: string): PackedName {
    return this.references.prepare(type, value, where)
  }

  override retainPacked(_type: PackedType, regionId: number): void {
    this.references.retain(regionId)
  }

  override releasePacked(_type: PackedType, regionId: number): void {
    this.references.release(regionId)
  }

  override prepareCommit(): void {
    super.prepareCommit()
    const gone = this.references.prepareCommit()
    const id = this.references.ownId
    this.noteChange(() => {
      this.references.committed()
      if (gone !== null) this.store.lower(gone, id, this.view.epoch)
    })
  }

  protected override rolledBack(): void {
    super.rolledBack()
    if (!this.writable) this.references.rolledBack()
  }
}

/** A region being packed: what it names is counted at once, and taken back when it is discarded. */
export class StorePackSession extends PackSession {
  private readonly references: References

  constructor(
    path: string,
    writer: NativePackWriter,
    opened: OpenedPack,
    store: Store,
    id: number,
  ) {
    super(path, writer, opened)
    this.references = new References(store, id, this)
  }

  override readPacked(type: PackedType, regionId: number): unknown {
    return this.references.read(type, regionId)
  }

  override preparePacked(type: PackedType, value: unknown, where: string): PackedName {
    return this.references.prepare(type, value, where)
  }

  override retainPacked(_type: PackedType, regionId: number): void {
    this.references.retain(regionId)
  }

  override releasePacked(_type: PackedType, regionId: number): void {
    this.references.release(regionId)
  }

  override discard(): void {
    if (!this.isClosed) this.references.rolledBack()
    super.discard()
  }
}

/** A packed region of a store: reads what its fields name. */
export class StorePackedSession extends PackedSession {
  private references: References | undefined

  attachTo(store: Store, id: number): this {
    this.references = new References(store, id, this)
    return this
  }

  override readPacked(type: PackedType, regionId: number): unknown {
    return this.references!.read(type, regionId)
  }
}
