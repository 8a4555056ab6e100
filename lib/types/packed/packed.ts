/**
 * A record in a packed region of the same store, often its root: u32 region id, u32 ref. Counted
 * while the field has it.
 */
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import { refOfView } from '../ref/ref.js'
import { coreOfView } from '../struct/view.js'
import { AnyType, type Core, type Descriptor, type SlotReader } from '../type.js'

/** What a handle of a packed region has under it: its root. */
export const PACKED_ROOT = Symbol('rstore packed root')

/** Of a handle its root; anything else as it is. */
const rootOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && PACKED_ROOT in value ? value[PACKED_ROOT] : value

export class PackedType extends AnyType {
  readonly kind = 'packed'
  override readonly slotBytes = 8
  override readonly inLeaf = true
  override readonly owns = true

  constructor(readonly root: AnyType) {
    super()
  }

  describe(stack: readonly AnyType[]): Descriptor {
    return { packed: this.root.describe([...stack, this]) }
  }
  /** As what a record is read that is stored as one of this type. */
  readingType(stored: AnyType): AnyType {
    return stored
  }
  prepare(value: unknown, where: string, session: Session | null): unknown {
    if (session === null) throw new TypeError(`${where}: a packed region cannot be a default`)
    return session.preparePacked(this, value, where)
  }
  readSlot(core: Core, at: number): unknown {
    const id = core.window.u32[at >>> 2]!
    return id === 0 ? undefined
      : core.lease.session.readPacked(this, id, core.window.u32[(at >>> 2) + 1]!)
  }
  /** The record says of which version it is, whatever this one was declared as. */
  override readerFor(): SlotReader {
    return (core, at) => this.readSlot(core, at)
  }
  writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    const { regionId, root } = value as { regionId: number; root: number }
    session.retainPacked(this, regionId)  // first: it may throw
    this.releaseSlot(session, window, at)
    window.u32[at >>> 2] = regionId
    window.u32[(at >>> 2) + 1] = root
  }
  override releaseSlot(session: Session, window: Window, at: number): void {
    const id = window.u32[at >>> 2]!
    if (id !== 0) session.releasePacked(this, id)
  }
  /**
   * Records are the same when they are the same record of the same region. What has no ref (a list,
   * a number) is compared by what is in it.
   */
  override same(a: unknown, b: unknown): boolean {
    const [rootA, rootB] = [rootOf(a), rootOf(b)]
    const [coreA, coreB] = [coreOfView(rootA), coreOfView(rootB)]
    if (coreA === undefined || coreB === undefined) return this.root.same(rootA, rootB)
    const ref = refOfView(rootA)
    return ref !== 0 && ref === refOfView(rootB)
      && coreA.lease.session.sharesRefs(coreB.lease.session)
  }
  override bindSelf(self: () => AnyType): AnyType {
    const root = this.root.bindSelf(self)
    return root === this.root ? this : new PackedType(root)
  }
}
