/**
 * Records that have moved. One that is assigned a later version's value, for which its cell has no
 * room, goes to another cell. Its owner is told; who else has a ref of it is not known. So what is
 * left of the old cell is a MovedCell, which leads refs on.
 *
 *  M1. Whoever has a ref that is not an owner's asks `presentRef` before he looks at the cell. What
 *      owns a record names it where it is.
 *  M2. A record that has moved owns what it left: CELL_HAS_MOVED is in its header, and the last 8
 *      bytes of its cell, which are no room for a value, name the MovedCell that it left last. That
 *      names the one before it, and so on: its *trail*. Freeing the record frees them all.
 *  M3. `next` of a MovedCell is the cell that the record went to from there, which is the record or
 *      of its trail, too: so each of them leads to the record. A cell is turned into a MovedCell
 *      when the one that it leads to is there, and is not changed again, except where a whole
 *      region goes to another place.
 *  M4. A copy of what refs reach names the records, and has no trails; a copy of bytes has them.
 */
import { C, MovedCell } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { wordIndexOf, type Ref } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { Session } from './context.js'

/** Words from the header on. */
export const MOVED = {
  next: MovedCell.fields.next.offset / 4, previous: MovedCell.fields.previous.offset / 4,
} as const
/** Bytes at the end of a cell with CELL_HAS_MOVED: M2. */
export const TRAIL_BYTES = 8
/** As a chain: a record moves on at most once for each version of its type. */
export const LONGEST_TRAIL = 0x1_0000

/** The word that names what a record left last; −1 in a cell that none has moved to. */
export function trailWord(space: Space, ref: number): number {
  const at = wordIndexOf(ref)
  const header = space.windowOf(ref).u32[at]!
  if ((header & C.CELL_HAS_MOVED) === 0) return -1
  return at + (header & C.CELL_SIZE_MASK) * 2 - 2
}

/** The MovedCell that a record left last; 0 when it has not moved. */
export function leftBy(space: Space, ref: number): number {
  const word = trailWord(space, ref)
  return word < 0 ? 0 : space.windowOf(ref).u32[word]!
}

/** Where a record went from a MovedCell. */
export const nextOf = (space: Space, left: number): number =>
  space.windowOf(left).u32[wordIndexOf(left) + MOVED.next]!

/** The MovedCell that it had left before. */
export const leftBefore = (space: Space, left: number): number =>
  space.windowOf(left).u32[wordIndexOf(left) + MOVED.previous]!

/** Where the record is that a ref inside of the space names: M1. Throws RSTORE_CORRUPT. */
export function presentRef(session: Session, ref: number): Ref {
  if (session.space.typeIdOf(ref) !== C.TYPE_MOVED) return ref as Ref
  const found = follow(session, ref)
  return found === 0 ? refuseTrail(session, ref) : found as Ref
}

/** The same; 0 where a MovedCell leads to nothing that can be a cell. */
export function follow(session: Session, ref: number): number {
  const { space } = session
  let at = ref
  for (let hops = 0; space.typeIdOf(at) === C.TYPE_MOVED; hops++) {
    at = nextOf(space, at)
    if (hops === LONGEST_TRAIL || !session.holds(at)) return 0
  }
  return at
}

/** Whether there is a MovedCell that leads to a record. */
export const leadsTo = (session: Session, left: number, ref: number): boolean =>
  session.holds(left) && session.space.typeIdOf(left) === C.TYPE_MOVED
  && follow(session, left) === ref

function refuseTrail(session: Session, ref: number): never {
  session.leave()
  throw new RStoreError('RSTORE_CORRUPT',
    `a record that was at ref ${ref} has moved, but what is left there does not lead to it: run `
    + 'verify()', { ref })
}

/** A cell for a record that is about to leave another, with room for so many bytes. */
export function allocateMoved({ space }: Session, bytes: number, typeId: number): Ref {
  const ref = space.allocate(((bytes + 7) & ~7) + TRAIL_BYTES, typeId)
  space.mark(ref, C.UNIT_BYTES)
  space.windowOf(ref).u32[wordIndexOf(ref)]! |= C.CELL_HAS_MOVED
  return ref
}

/**
 * Makes the cell of a record one that leads to another, which `allocateMoved` gave; what it does
 * not need for that is given back. What the record owned there has been released. Of several that
 * leave to the same one, only the first may have a trail: it goes on with that.
 */
export function leaveTo({ space }: Session, from: Ref, to: Ref): void {
  const word = trailWord(space, to)
  const there = space.windowOf(to).u32
  const before = leftBy(space, from)
  space.mark(to + ((word - wordIndexOf(to)) >>> 1), TRAIL_BYTES)
  const previous = before === 0 ? there[word]! : before
  there[word] = from
  space.mark(from, MovedCell.bytes)
  const { u32 } = space.windowOf(from)
  const at = wordIndexOf(from)
  u32[at]! &= ~(C.CELL_HAS_MOVED | C.CELL_UNOWNED)
  u32[at + 1] = (u32[at + 1]! & 0xffff_0000) | C.TYPE_MOVED
  u32[at + MOVED.next] = to
  u32[at + MOVED.previous] = previous
  space.trim(from, C.MINIMUM_CELL_UNITS)
}

/** Frees the trail of a record, which is about to be freed itself. Throws RSTORE_CORRUPT before. */
export function freeTrail(session: Session, ref: Ref): void {
  const { space } = session
  const cells = new Set<number>([ref])
  for (let left = leftBy(space, ref); left !== 0; left = leftBefore(space, left)) {
    const isOne = session.holds(left) && space.typeIdOf(left) === C.TYPE_MOVED
    if (!isOne || cells.has(left) || !cells.has(nextOf(space, left))) refuseTrail(session, left)
    cells.add(left)
  }
  for (const left of cells) if (left !== ref) space.free(left as Ref)
}
