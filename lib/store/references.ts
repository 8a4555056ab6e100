/**
 * What a session of a store does about fields of type `t.packed`: keeps the region's own list, and
 * tells the store when a packed region is named by this region for the first time, or by no field
 * any more.
 *
 *  K1. What a transaction names for the first time is counted before it is committed: in one
 *      transaction of the catalog, which waits for the disk where the commit will. Nobody sees the
 *      field earlier; until then the transaction holds the packed region as an open handle does.
 *  K2. What it names no more is lowered after the commit; how long after, the store decides
 *      (store.ts, D1).
 *  K3. A rollback, also of a savepoint, takes the list back with the fields. So what is new and
 *      what is gone is found at the end, by comparing the list with what it was at the first touch.
 *  K4. A commit that fails after K1 takes back what it raised, and only that: another transaction
 *      begins when the fate of the last one is known (`begin`).
 *  K5. A commit whose sync goes on elsewhere is told of later; closing does not wait for that.
 *
 * Block regions have no commits, and end with their process: block-references.ts.
 */
import { RStoreError } from '../errors.js'
import type { OutboundList } from '../space/outbound.js'
import { compare, describeShortly } from '../types/compatible.js'
import type { PackedType } from '../types/packed/packed.js'
import { RefType, refOfView } from '../types/ref/ref.js'
import { throwMismatch } from '../types/registry.js'
import { coreOfView } from '../types/struct/view.js'
import { Packed, PackedSession } from '../region/packed/packed.js'
import type { StoreParts } from './parts.js'

/** What is stored in a field. */
export interface PackedName {
  readonly regionId: number
  readonly root: number
}

/** What a transaction changed in what its region names. */
export interface Renaming {
  readonly raised: readonly number[]
  readonly gone: readonly number[]
  /** Used until the end of the transaction. */
  readonly held: readonly number[]
}

/** Of a handle, or of the packed region that a view is in. */
function sessionOf(value: unknown): PackedSession | undefined {
  if (value instanceof Packed) return value.session
  const session = coreOfView(value)?.lease.session
  return session instanceof PackedSession ? session : undefined
}

export class References {
  /** Whether the list had them when the running transaction first touched them. */
  protected readonly touched = new Map<number, boolean>()
  private held = new Set<number>()
  private underWay: Renaming | null = null
  /** Committed, or about to be, and the store not yet told: K5. */
  private readonly untold = new Set<Renaming>()

  constructor(
    protected readonly store: StoreParts,
    /** Id of the region that names. */
    readonly ownId: number,
    private readonly list: OutboundList,
  ) {}

  read(type: PackedType, regionId: number, root: number): unknown {
    const packed = this.store.packed.shared(regionId)
    this.checkType(type, packed.session, root)
    return packed.rootAt(root, type.readingType(packed.session.registry.typeToRead(root)))
  }

  prepare(type: PackedType, value: unknown, where: string): PackedName {
    const session = sessionOf(value)
    if (session === undefined) {
      throw new TypeError(`${where}: expected a packed region, as store.pack() or store.packed() `
        + 'give it, or a record in one')
    }
    session.assertOpen()
    const regionId = this.store.packed.idOf(session)
    if (regionId === 0) {
      throw new RStoreError('RSTORE_FOREIGN_REF',
        `${where}: ${session.label} is not of this store. Pack it with store.pack()`,
        { where })
    }
    const root = value instanceof Packed ? session.opened.rootRef : refOfView(value)
    if (root === 0) {
      throw new TypeError(`${where}: only a whole record can be named, not one inside of another`)
    }
    this.checkType(type, session, root)
    return { regionId, root }
  }

  private checkType(type: PackedType, { registry, label }: PackedSession, root: number): void {
    const stored = registry.typeOfCell(root)
    // t.packed(t.self) is declared as a ref: of what it leads to
    const declared = type.root instanceof RefType ? type.root.target() : type.root
    const mismatch = compare(stored, declared, describeShortly(declared))
    if (mismatch !== null) throwMismatch(label, mismatch)
  }

  retain(regionId: number): void {
    if (!this.touch(regionId) && !this.held.has(regionId)) {
      this.hold(regionId)
      this.held.add(regionId)
    }
    this.list.retain(regionId)
  }

  release(regionId: number): void {
    this.touch(regionId)
    this.list.release(regionId)
  }

  /** Nobody deletes it until `letGoOf`. */
  protected hold(regionId: number): void {
    this.store.packed.use(regionId)
  }

  protected letGoOf(regionId: number): void {
    this.store.packed.letGo(regionId)
  }

  /** Whether the list had it when the transaction first touched it. */
  private touch(id: number): boolean {
    let had = this.touched.get(id)
    if (had === undefined) this.touched.set(id, (had = this.list.has(id)))
    return had
  }

  /** K4: the last transaction is done with. */
  begin(): void {
    this.underWay = null
  }

  /** K3: of the running transaction, so far. */
  changes(): { raised: number[]; gone: number[] } {
    const raised: number[] = []
    const gone: number[] = []
    for (const [id, had] of this.touched) {
      if (had === this.list.has(id)) continue
      if (had) gone.push(id)
      else raised.push(id)
    }
    return { raised, gone }
  }

  /** K1. */
  raise(sync: boolean): Renaming {
    const { raised, gone } = this.changes()
    if (raised.length > 0) this.store.catalog.raise(raised, this.ownId, sync)
    const renaming = { raised, gone, held: [...this.held] }
    this.underWay = renaming
    this.untold.add(renaming)
    this.held.clear()
    this.touched.clear()
    return renaming
  }

  /** K2: as of commit `epoch`. Once. */
  committed(renaming: Renaming, epoch: number): void {
    if (!this.untold.delete(renaming)) return
    this.store.collector.lower(renaming.gone, this.ownId, epoch)
    for (const id of renaming.held) this.letGoOf(id)
  }

  /** After a rollback of the whole transaction. */
  rolledBack(): void {
    const { underWay } = this
    this.underWay = null
    if (underWay !== null && this.untold.delete(underWay)) {
      this.store.collector.lower(underWay.raised, this.ownId, 0)
      for (const id of underWay.held) this.letGoOf(id)
    }
    this.letGo()
  }

  /** Of what the running transaction uses. */
  letGo(): void {
    this.touched.clear()
    this.letGoOfAllBut([])
  }

  protected letGoOfAllBut(kept: readonly number[]): void {
    for (const id of kept) this.held.delete(id)
    const held = [...this.held]
    this.held.clear()
    for (const id of held) this.letGoOf(id)
  }

  /** K5: all commits are settled. */
  close(epoch: number): void {
    for (const renaming of [...this.untold]) this.committed(renaming, epoch)
    this.letGo()
  }
}
