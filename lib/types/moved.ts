/**
 * Records that have moved. One that is assigned a later version's value, for which its cell has no
 * room, goes to another cell. Its owner is told; refs that name it are not known. So the old cell
 * stays where some stored type has refs to such records: as a MovedCell, which leads them on.
 *
 *  M1. Whoever has a ref that is not an owner's asks `presentRef` before he looks at the cell. What
 *      owns a record names it where it is. A ref that is stored anew names it there, too.
 *  M2. A record that has moved owns what it left: CELL_HAS_MOVED is in its header, and the last 8
 *      bytes of its cell, which are no room for a value, name the MovedCell. That names the one
 *      before it, when the record has moved more than once. Freeing the record frees them all.
 *  M3. `next` of a MovedCell is the cell that the record went to from there: so each of them leads
 *      to the record, and none is ever written again.
 *  M4. Nobody has to keep them: a copy of what refs reach names the records, and has none.
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

/** The word that names what a record left when it moved; −1 in a cell that it did not move to. */
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
  // a record leaves at most one for each version of its type
  for (let left = 0x1_0000; space.typeIdOf(at) === C.TYPE_MOVED; left--) {
    at = space.windowOf(at).u32[wordIndexOf(at) + MOVED.next]!
    if (left === 0 || !session.holds(at)) return 0
  }
  return at
}

function refuseTrail(session: Session, ref: number): never {
  session.leave()
  throw new RStoreError('RSTORE_CORRUPT',
    `the record that was at ref ${ref} has moved, but what is left there leads nowhere: run `
    + 'verify()', { ref })
}

/**
 * Makes the cell of a record one that leads to another, which is fresh and is the record's from now
 * on, with so many units as `allocateMoved` gives. What the record owned has been released.
 */
export function leaveTo(session: Session, from: Ref, to: Ref): void {
  const { space } = session
  space.mark(to, C.UNIT_BYTES)
  const there = space.windowOf(to).u32
  there[wordIndexOf(to)]! |= C.CELL_HAS_MOVED
  const word = trailWord(space, to)
  space.mark(to + ((word - wordIndexOf(to)) >>> 1), TRAIL_BYTES)
  there[word] = from
  const previous = leftBy(space, from)
  space.mark(from, MovedCell.bytes)
  const { u32 } = space.windowOf(from)
  const at = wordIndexOf(from)
  u32[at]! &= ~C.CELL_HAS_MOVED
  u32[at + 1] = (u32[at + 1]! & 0xffff_0000) | C.TYPE_MOVED
  u32[at + MOVED.next] = to
  u32[at + MOVED.previous] = previous
}

/** A cell for a record that moves, with room for so many bytes. */
export const allocateMoved = ({ space }: Session, bytes: number, typeId: number): Ref =>
  space.allocate(((bytes + 7) & ~7) + TRAIL_BYTES, typeId)

/** Frees what a record left behind, which is about to be freed itself: M2. */
export function freeTrail(space: Space, ref: Ref): void {
  for (let left = leftBy(space, ref); left !== 0;) {
    const previous = space.windowOf(left).u32[wordIndexOf(left) + MOVED.previous]!
    space.free(left as Ref)
    left = previous
  }
}
