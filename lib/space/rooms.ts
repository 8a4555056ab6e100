/**
 * Rooms: cells at the frontier that are filled without marks while other things are allocated
 * behind them. An array builder takes one, makes it longer as long as nothing else lies behind it,
 * and in the end cuts it to what it needs: the array is then where it was built, and no byte was
 * copied.
 *
 *  O1. A room is a live cell like any other, with its full size in its header: the space can be
 *      walked at any time.
 *  O2. It never outlives its transaction: before a commit what is still open is freed, after a
 *      rollback it is gone. Its owner is told (`onLost`) before the memory can become another's.
 *  O3. Rolled back with a savepoint: a room that was opened in it is gone, as O2. One that was only
 *      closed in it is again as long as it was, and nobody's; it is freed before the commit. A room
 *      is not made longer inside of savepoints that are younger than itself: the elements in the
 *      new part would go with them.
 *      Lines that it shares with the cells before and behind it may be put back with those: what is
 *      in a room then is kept by `keepEdges`.
 *  O4. What is behind the used part of a room reads as zero, as past the frontier (Allocator A4):
 *      its owner writes only what he keeps.
 */
import { wordIndexOf } from './ref.js'
import type { Ref } from './ref.js'
import type { Window } from './window.js'

const LINE_WORDS = 16
const NO_ROOMS: readonly Room[] = []

export class Room {
  /** Savepoint depth at which it was closed; −1 while it is open. */
  closedDepth = -1
  /** Units that may be other than zero; −1 while only its owner knows. */
  written = -1

  constructor(
    readonly ref: Ref,
    /** With the header. */
    public units: number,
    public depth: number,
    readonly onLost: () => void,
  ) {}
}

export class Rooms {
  private rooms: Room[] = []

  add(room: Room): void {
    this.rooms.push(room)
  }

  /** Its memory is its owner's no more: cut, or freed. */
  close(room: Room, depth: number): void {
    room.closedDepth = depth
    this.forgetSettled()
  }

  /** The savepoint of this depth is kept. */
  release(depth: number): void {
    for (const room of this.rooms) {
      room.depth = Math.min(room.depth, depth - 1)
      room.closedDepth = Math.min(room.closedDepth, depth - 1)
    }
    this.forgetSettled()
  }

  /** O3: the savepoint of this depth is rolled back. */
  rollback(depth: number): void {
    for (const room of this.rooms) {
      if (room.depth >= depth && room.closedDepth < 0) room.onLost()
      if (room.closedDepth >= depth) room.closedDepth = -1
    }
    this.rooms = this.rooms.filter((room) => room.depth < depth)
  }

  /**
   * O3: what the rooms that outlive the rollback of this depth have in the first and the last line.
   * Gives what puts it back.
   */
  keepEdges(depth: number, windows: readonly Window[]): () => void {
    const kept = this.rooms
      .filter((room) => room.depth < depth && room.closedDepth < 0)
      .flatMap(({ ref, units }) => {
        const { u32 } = windows[ref >>> 28]!
        const first = wordIndexOf(ref) + 2
        const end = first + units * 2 - 2
        const last = Math.max(first, end - LINE_WORDS)
        return [first, last].map((from) => ({
          u32, from, words: u32.slice(from, Math.min(end, from + LINE_WORDS)),
        }))
      })
    return () => {
      for (const { u32, from, words } of kept) u32.set(words, from)
    }
  }

  /** Whether somebody fills one without marks. */
  get anyOpen(): boolean {
    return this.rooms.some(({ closedDepth }) => closedDepth < 0)
  }

  /** O2: gives those that are open, and forgets all. */
  takeOpen(): readonly Room[] {
    if (this.rooms.length === 0) return NO_ROOMS
    const open = this.rooms.filter(({ closedDepth }) => closedDepth < 0)
    this.rooms = []
    for (const room of open) room.onLost()
    return open
  }

  /** Whatever rolls back the closing takes the room itself with it. */
  private forgetSettled(): void {
    this.rooms = this.rooms.filter(({ depth, closedDepth }) =>
      closedDepth < 0 || closedDepth > depth)
  }
}
