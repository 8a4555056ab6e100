/** Cells of a u32 length and so many bytes behind it: strings, bytes, json. */
import { RStoreError } from '../errors.js'
import { C } from '../../formats/index.js'
import type { Ref } from '../space/ref.js'
import type { Window } from '../space/window.js'
import { throwStale, type Lease, type Session } from './context.js'
import { TRAIL_BYTES } from './moved.js'

/** Bytes before the content: cell header and length. */
export const CONTENT_OFFSET = 12

/** Throws for a cell that is not of the type that its ref promises. */
export function refuseCell(lease: Lease, ref: number, typeId: number, expected: string): never {
  lease.session.leave()
  if (typeId === C.TYPE_FREE) {
    throw new RStoreError(
      'RSTORE_DANGLING_REF',
      `ref ${ref} names ${expected} that was freed: clear such refs before free()`,
      { ref, expected },
    )
  }
  throw new RStoreError('RSTORE_CORRUPT',
    `ref ${ref} should name ${expected}, but there is a cell of type ${typeId}: run verify()`,
    { ref, expected, typeId })
}

/** Throws for a cell with a value of another type, where there was one of the right type before. */
export function refuseOther(lease: Lease, ref: number, found: string, expected: string): never {
  lease.session.leave()
  throw new RStoreError('RSTORE_DANGLING_REF',
    `ref ${ref} should name ${expected}, but there is ${found}: what it named was freed. `
    + 'Set such refs anew: verify() lists them', { ref, expected })
}

/** The window of a cell with content, which is checked to be of the type and inside its cell. */
export function windowOfContent(lease: Lease, ref: number, typeId: number, what: string): Window {
  if (!lease.live) throwStale(lease, what)
  const window = lease.session.space.windows[ref >>> 28]
  const word = (ref & 0x0fff_ffff) << 1
  const found = window === undefined ? 0 : window.u32[word + 1]! & 0xffff
  if (found !== typeId) refuseCell(lease, ref, found, what)
  const units = window!.u32[word]! & C.CELL_SIZE_MASK
  if (window!.u32[word + 2]! + CONTENT_OFFSET > units * 8) {
    lease.session.leave()
    throw new RStoreError('RSTORE_CORRUPT',
      `${what} at ref ${ref} claims to be longer than its cell: run verify()`, { ref })
  }
  return window!
}

/** A new cell for so many bytes, with their number written. */
export function createContent(session: Session, typeId: number, bytes: number): Ref {
  const ref = session.space.allocate(bytes + 4, typeId)
  session.space.windowOf(ref).u32[((ref & 0x0fff_ffff) << 1) + 2] = bytes
  return ref
}

/** How many bytes behind the header a cell has room for: its trail is not (M2 of moved.ts). */
export function payloadRoom(session: Session, ref: number): number {
  const header = session.space.windowOf(ref).u32[(ref & 0x0fff_ffff) << 1]!
  const bytes = (header & C.CELL_SIZE_MASK) * 8 - 8
  return (header & C.CELL_HAS_MOVED) === 0 ? bytes : bytes - TRAIL_BYTES
}

/**
 * Makes room for other content: the cell itself, marked, when it fits and would not waste more than
 * half of it, else a new one, the old one being freed.
 */
export function resizeContent(session: Session, ref: number, typeId: number, bytes: number): Ref {
  const room = payloadRoom(session, ref)
  if (bytes + 4 > room || (bytes + 4) * 2 < room - 32) {
    session.space.free(ref as Ref)
    return createContent(session, typeId, bytes)
  }
  session.space.mark(ref, bytes + CONTENT_OFFSET)
  session.space.windowOf(ref).u32[((ref & 0x0fff_ffff) << 1) + 2] = bytes
  return ref as Ref
}
