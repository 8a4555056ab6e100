/** Records and arrays by their refs: `alloc`, `deref`, `refOf`, `free`, `editArray`. */
import { RStoreError } from '../../errors.js'
import { addon } from '../../native/binding.js'
import type { Ref } from '../../space/ref.js'
import { ArrayType, ELEMENTS_OFFSET } from '../../types/array/array.js'
import { originOf } from '../../types/array/origin.js'
import { throwStale, type Session } from '../../types/context.js'
import { presentRef } from '../../types/moved.js'
import { refOfView } from '../../types/ref/ref.js'
import { StructType } from '../../types/struct/struct.js'
import { coreOfView } from '../../types/struct/view.js'
import { typeFrom, unitOf, type AnyType, type Core } from '../../types/type.js'
import { isUnowned, isValueType, setUnowned } from '../../types/unowned.js'
import type { OpenSession } from './open-session.js'

/** Whether a view is of another region: not of this handle, nor of a snapshot of the same file. */
function isForeign(view: unknown, session: Session): boolean {
  const core = coreOfView(view)
  return core !== undefined && !session.sharesRefs(core.lease.session)
}

export function allocCell(session: Session, type: unknown, value: unknown): Ref {
  session.enterWrite()
  const own = typeFrom(type, 'alloc')
  const imaged = own instanceof StructType && own.makeImage(value, session)
  const prepared = imaged ? undefined : own.prepare(value, 'alloc', session)
  const ref = createCell(session, own, imaged, prepared)
  session.leave()
  return ref
}

/** As `session.change`, but without a closure: `alloc` is called for every record of a graph. */
function createCell(
  session: Session, type: AnyType, imaged: boolean, prepared: unknown,
): Ref {
  try {
    const ref = imaged
      ? (type as StructType).createImaged(session) : type.createCell(session, prepared)
    setUnowned(session.space, ref, true)
    return ref
  } catch (error) {
    session.spoiled ??= error
    throw error
  }
}

export function derefCell(session: Session, ref: unknown): unknown {
  session.enter()
  const live = checkLive(session, ref, 'deref')
  const type = session.registry.typeToRead(live)
  const value = type.readCell(session.lease, live, undefined)
  session.leave()
  return value
}

export function refOfRecord(session: Session, view: unknown): Ref {
  session.enter()
  if (isForeign(view, session)) {
    throw new RStoreError('RSTORE_FOREIGN_REF', 'refOf: the record is in another region')
  }
  const ref = refOfView(view)
  if (ref !== 0) return ref as Ref
  throw new TypeError('refOf needs a view of a whole record, as deref() or a map gives it')
}

export function freeCell(session: Session, ref: unknown): void {
  session.enterWrite()
  const live = checkLive(session, ref, 'free')
  if (!isUnowned(session.space, live)) {
    throw new RStoreError('RSTORE_REF_OWNED',
      `free: what is at ref ${String(ref)} belongs to a map, a record or a name, and goes with its `
      + 'entry: delete that', { ref })
  }
  session.unadopted.delete(live)
  session.change(() => session.registry.typeOfCell(live).freeCell(session, live))
  session.leave()
}

/** Where the value of a ref is now. Throws unless a live cell with one begins there. */
export function checkLive(session: Session, ref: unknown, what: string): Ref {
  if (typeof ref !== 'number' || !Number.isInteger(ref) || ref <= 0 || ref > 0xffff_ffff) {
    throw new TypeError(`${what} needs a ref, as alloc() and refOf() give it, not ${String(ref)}`)
  }
  const live = session.holds(ref) ? presentRef(session, ref) : 0
  const typeId = live === 0 ? 0 : session.space.typeIdOf(live)
  if (isValueType(typeId)) return live as Ref
  session.leave()
  throw new RStoreError('RSTORE_DANGLING_REF',
    `${what}: there is no value at ref ${ref}; it was freed, or is of another region`, { ref })
}

type Edit = (elements: unknown) => void

/** The array was freed while it was edited: what was written then may be in what came after it. */
function spoil({ lease }: Core): never {
  try {
    throwStale(lease, 'an array that was replaced while it was edited')
  } catch (error) {
    lease.session.spoiled = error
    throw error
  }
}

/** Changes elements [from, to) of a numeric array in place. */
export function editArray(
  session: OpenSession, array: unknown, from: number, to: number, edit: Edit,
): void {
  session.enterWrite()
  const core = typeof array === 'object' && array !== null ? originOf(array) : undefined
  if (core === undefined || core.lease.session !== session) {
    throw new TypeError('editArray needs a numeric array that was read from this region, and is '
      + 'stored as the program has it: one that an older version of its type wrote is converted '
      + 'when it is read, so assign it as a whole once')
  }
  if (!core.lease.live || core.window.i32[core.cell + 1] !== core.stamp) {
    throwStale(core.lease, 'an array')
  }
  const { length, BYTES_PER_ELEMENT: stride } = array as Uint8Array
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > length) {
    throw new RangeError(`editArray: [${from}, ${to}) is no part of an array of ${length} elements`)
  }
  const ref = unitOf(session, core.window, core.cell << 2)
  const type = session.registry.typeOfCell(ref)
  if (!(type instanceof ArrayType) || type.typed === undefined) {
    throw new TypeError('editArray needs a numeric array')
  }
  const offset = ELEMENTS_OFFSET + from * stride
  const bytes = (to - from) * stride
  if (bytes === 0) return
  const { typed } = type
  const change = (): void => {
    session.space.mark(ref + (offset >>> 3), bytes + (offset & 7))
    const buffer = session.unleasedBuffer(ref, offset, bytes)
    session.editing++
    try {
      edit(new typed(buffer))
    } finally {
      session.editing--
      addon().detach([buffer])
    }
    if (core.window.i32[core.cell + 1] !== core.stamp) spoil(core)
  }
  if (core.owner.minds) core.owner.assigning(change)
  else change()
  session.leave()
}
