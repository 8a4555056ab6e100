/** A stretch of elements of a builder: in a run of the arena, or in a room of the region itself. */
import { byteIndexOf } from '../space/ref.js'
import type { Room } from '../space/rooms.js'
import type { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { ELEMENTS_OFFSET } from '../types/array/array.js'
import type { Run } from './runs.js'

/** Bytes of the first chunk of a builder that grows, and up to which each is twice the last. */
export const FIRST_CHUNK_BYTES = 4000
export const MOST_CHUNK_BYTES = 4 * 2 ** 20

export class Chunk {
  constructor(
    readonly window: Window,
    /** Index in `u8` of the first element. */
    readonly first: number,
    /** How many elements fit. */
    public limit: number,
    readonly run: Run | null,
    readonly room: Room | null,
  ) {}

  /**
   * From the start of a run; or, `exactly` so many elements that the last one ends at the guard.
   */
  static inRun(run: Run, stride: number, exactly = -1): Chunk {
    if (exactly >= 0) {
      return new Chunk(run.window, run.guard - exactly * stride, exactly, run, null)
    }
    return new Chunk(run.window, run.first, elementsIn(run.bytes, stride), run, null)
  }

  static inRoom(space: Space, room: Room, stride: number): Chunk {
    const first = byteIndexOf(room.ref) + ELEMENTS_OFFSET
    return new Chunk(space.windowOf(room.ref), first, elementsOfRoom(room, stride), null, room)
  }
}

/** The length of an array is 32 bits. */
const MOST_ELEMENTS = 2 ** 32 - 1

/** Elements that so many bytes have space for; those of a struct without fields take none. */
export const elementsIn = (bytes: number, stride: number): number =>
  stride === 0 ? MOST_ELEMENTS : Math.floor(bytes / stride)

/** Elements that a room has space for. */
export const elementsOfRoom = (room: Room, stride: number): number =>
  elementsIn(room.units * 8 - ELEMENTS_OFFSET, stride)

/** Units of an array cell. */
export const unitsOfArray = (elements: number, stride: number): number =>
  Math.ceil((ELEMENTS_OFFSET + elements * stride) / 8)
