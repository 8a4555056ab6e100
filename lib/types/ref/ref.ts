/**
 * A shared reference to a cell that somebody else owns, or nobody: a map has it, `alloc` made it,
 * or a builder, whose arrays live on once a ref to them is stored. Reading gives what it names,
 * writing takes a Ref or a view. Refs may form cycles, and never free what they name: `free` does.
 */
import { RStoreError } from '../../errors.js'
import type { Ref } from '../../space/ref.js'
import type { Window } from '../../space/window.js'
import { throwStale, type Session } from '../context.js'
import { presentRef } from '../moved.js'
import { coreOfView, structOfView } from '../struct/view.js'
import { show } from '../text.js'
import { refsAreNumbers } from './numbers.js'
import { AnyType, typeFrom, unitOf, type Core, type Descriptor, type VisitRef } from '../type.js'

/** The ref of the record that a view shows; 0 when the value is not a view of a whole record. */
export function refOfView(value: unknown): number {
  const core = coreOfView(value)
  if (core === undefined || core.at !== (core.cell << 2) + 8) return 0
  if (!core.lease.live || core.window.i32[core.cell + 1] !== core.stamp)
    throwStale(core.lease, 'a record')
  const { session } = core.lease
  const ref = unitOf(session, core.window, core.cell << 2)
  const stored = session.registry.typeOfCell(ref)
  return stored.kind === 'struct' && stored.name === structOfView(value as object).name ? ref : 0
}

/** Of a ref, where the record is now. */
const presentIf = (session: Session | undefined, value: unknown): unknown =>
  typeof value === 'number' && session?.holds(value) === true ? presentRef(session, value) : value

export class RefType extends AnyType {
  readonly kind = 'ref'
  override readonly nullable = true
  override readonly inLeaf = true

  /** Whether records of later versions are read as what they are: TypeRegistry.typeToRead. */
  readsLater = false
  private resolved: AnyType | undefined

  /** @param find called once, when it is first needed, so that types may name each other */
  constructor(private readonly find: () => AnyType) {
    super()
  }

  target(): AnyType {
    return this.resolved ??= typeFrom(this.find(), 't.ref')
  }

  describe(stack: readonly AnyType[]): Descriptor {
    const target = this.target()
    const up = stack.length - 1 - stack.lastIndexOf(target)
    return { ref: up < stack.length ? { self: up } : target.describe(stack) }
  }

  prepare(value: unknown, where: string, session: Session | null): unknown {
    const core = coreOfView(value)
    if (
      core === undefined &&
      !(typeof value === 'number' && value > 0 && value <= 0xffff_ffff && value % 1 === 0)
    ) {
      throw new TypeError(
        `${where}: expected a Ref, as alloc() and refOf() give it, or a view of a ` +
          `record, got ${show(value)}`,
      )
    }
    if (core !== undefined && session?.sharesRefs(core.lease.session) !== true) {
      throw new RStoreError(
        'RSTORE_FOREIGN_REF',
        `${where}: the record is in another region; a ref names records of its own region only`,
        { where },
      )
    }
    const ref = core === undefined ? value as number : refOfView(value)
    if (ref === 0) {
      throw new TypeError(
        `${where}: the view is of a struct inside a record; only whole records have a Ref`,
      )
    }
    return session === null ? ref : session.registry.checkRef(this.target(), ref, where)
  }
  readSlot(core: Core, at: number): unknown {
    const ref = core.window.u32[at >>> 2]!
    if (ref === 0) return undefined
    if (refsAreNumbers()) return ref
    const { lease } = core
    const target = this.readsLater ? lease.session.registry.typeBehind(this.target(), ref)
      : this.target()
    return target.readCell(lease, ref, undefined)
  }
  /** From then on an array fresh from a builder is as if `alloc` had made it. */
  writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    window.u32[at >>> 2] = value as number
    if (session.unadopted.size !== 0) session.unadopted.delete(value as number)
  }
  override visitSlot(
    _session: Session, window: Window, at: number, visit: VisitRef, path: string,
  ): void {
    const ref = window.u32[at >>> 2]!
    if (ref !== 0) visit(this.target(), ref, false, path, window, at >>> 2)
  }

  /**
   * A ref is copied as the number that it is: a copy does not grow along a graph, and cycles do no
   * harm.
   */
  override plain(value: unknown): unknown {
    return coreOfView(value) === undefined ? value : refOfView(value) as Ref
  }
  override same(a: unknown, b: unknown, session?: Session): boolean {
    const plainA = this.plain(a)
    const plainB = this.plain(b)
    if (plainA === plainB) return true
    if (typeof plainA !== 'number') return this.target().same(plainA, plainB, session)
    return presentIf(session, plainA) === presentIf(session, plainB)
  }
}

/**
 * t.self: inside a struct, a reference to a record of the same struct. Gone when the struct is
 * made.
 */
export class SelfType extends AnyType {
  readonly kind = 'self'
  override readonly nullable = true
  override readonly inLeaf = true

  private unbound(): never {
    throw new TypeError('t.self means something only inside the fields of a t.struct')
  }
  describe(): Descriptor {
    return this.unbound()
  }
  prepare(): unknown {
    return this.unbound()
  }
  readSlot(): unknown {
    return this.unbound()
  }
  writeSlot(): void {
    this.unbound()
  }
  override bindSelf(self: () => AnyType): AnyType {
    return new RefType(self)
  }
}
