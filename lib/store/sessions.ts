/** The sessions of a store's regions: as any other, but they know what packed fields name. */
import { RStoreError } from '../errors.js'
import type { NativePackWriter, OpenedPack } from '../native/binding.js'
import { check } from '../native/status.js'
import { BlockSession } from '../pool/block-session.js'
import type { BlockSpace } from '../pool/block-space.js'
import type { PoolSessions } from '../pool/sessions.js'
import { RegionSession } from '../region/live/session.js'
import type { View } from '../region/live/view.js'
import { PackSession } from '../region/packed/pack-session.js'
import { PackedSession } from '../region/packed/packed.js'
import { OutboundList } from '../space/outbound.js'
import type { PackedType } from '../types/packed/packed.js'
import { BlockReferences, lettingGoIn } from './block-references.js'
import type { StoreParts } from './parts.js'
import { References } from './references.js'
import type { PackedName } from './references.js'

export class StoreRegionSession extends RegionSession {
  private readonly references: References

  constructor(view: View, private readonly store: StoreParts, private readonly id: number) {
    super(view, store.readOnly)
    this.references = new References(store, id, new OutboundList(this.space))
  }

  /** D1: others know of it before this looks whether the file has its name. */
  override holdSnapshot(): () => void {
    const { store, view: { native, path } } = this
    const [, generation] = native.identity()
    const end = store.snapshots.hold(this.id, generation)
    const release = (): void => {
      if (end()) store.collector.snapshotEnded()
    }
    try {
      check(native.checkName(), path, 'taking a snapshot of')
      this.refuseDropped()
      return release
    } catch (error) {
      release()
      throw error
    }
  }

  override readPacked(type: PackedType, regionId: number, root: number): unknown {
    return this.references.read(type, regionId, root)
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

  /** D6. */
  override begin(timeoutMs: number): void {
    super.begin(timeoutMs)
    this.references.begin()
    try {
      this.refuseDropped()
    } catch (error) {
      this.abort()
      throw error
    }
  }

  private refuseDropped(): void {
    if (this.store.catalog.mayHave(this.id)) return
    throw new RStoreError('RSTORE_NOT_FOUND',
      `${this.path} was dropped from the store: what is open can only be read. Ask the store for `
      + 'the region of that name again', { path: this.path, id: this.id })
  }

  override prepareCommit(sync: boolean): void {
    super.prepareCommit(sync)
    const renaming = this.references.raise(sync)
    this.noteChange(() => this.references.committed(renaming, this.view.epoch))
  }

  protected override rolledBack(): void {
    super.rolledBack()
    if (!this.writable) this.references.rolledBack()
  }

  override close(): void {
    if (this.closed) return
    if (this.view.isPending) this.settle()
    const { epoch } = this.view
    super.close()
    this.references.close(epoch)
  }
}

/** A region being packed: what it names is counted when it is published, in the same commit. */
export class StorePackSession extends PackSession {
  private readonly references: References
  /** What it names, once it is frozen. */
  named: readonly number[] = []

  constructor(
    path: string,
    writer: NativePackWriter,
    opened: OpenedPack,
    private readonly store: StoreParts,
    private readonly id: number,
    private readonly begunAs: number,
  ) {
    super(path, writer, opened)
    this.references = new References(store, id, new OutboundList(this.space))
  }

  override readPacked(type: PackedType, regionId: number, root: number): unknown {
    return this.references.read(type, regionId, root)
  }

  /** Throws RSTORE_CYCLE on what was begun after this one. */
  override preparePacked(type: PackedType, value: unknown, where: string): PackedName {
    const name = this.references.prepare(type, value, where)
    const { regionId } = name
    const named = this.store.catalog.find(regionId)
    if (named === undefined || named.serial < this.begunAs) return name
    throw new RStoreError('RSTORE_CYCLE',
      `${where}: a packed region may name only regions that were packed before it was begun`,
      { where, regionId, id: this.id })
  }

  override retainPacked(_type: PackedType, regionId: number): void {
    this.references.retain(regionId)
  }

  override releasePacked(_type: PackedType, regionId: number): void {
    this.references.release(regionId)
  }

  protected override prepareFreeze(): void {
    super.prepareFreeze()
    this.named = this.references.changes().raised
  }

  /** After it was published or given up: what it names is counted, or not named. */
  letGo(): void {
    this.references.letGo()
  }
}

/** A packed region of a store: reads what its fields name. */
export class StorePackedSession extends PackedSession {
  private references: References | undefined

  attachTo(store: StoreParts, id: number): this {
    this.references = new References(store, id, new OutboundList(this.space))
    return this
  }

  override readPacked(type: PackedType, regionId: number, root: number): unknown {
    return this.references!.read(type, regionId, root)
  }
}

/** A block region that names packed regions of a store. */
export class StoreBlockSession extends BlockSession {
  private readonly references: BlockReferences

  constructor(owner: PoolSessions, space: BlockSpace, store: StoreParts) {
    super(owner, space)
    this.references = new BlockReferences(store, 0, new OutboundList(space, space.outboundHead))
    space.holdings.letGoOf = lettingGoIn(store)
  }

  override readPacked(type: PackedType, regionId: number, root: number): unknown {
    return this.references.read(type, regionId, root)
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

  protected override beforeRelease(): void {
    this.references.settle()
  }
}
