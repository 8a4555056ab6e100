/**
 * The windows of a mapping, in pairs over one buffer of up to 4 GiB, the largest that Node 20 has.
 * A pair is made when data first reaches it: a new buffer of gigabytes makes the engine collect
 * garbage, for as long as the heap is large.
 *
 *  W1. Whoever moves the end of what is shown, or allocates behind it, calls `reach` before
 *      anything there is touched. What lies behind has NOWHERE for a window (space.ts).
 *  W2. A window stays where it is until its mapping is closed.
 */
import { C } from '../../../formats/index.js'
import type { WindowSource } from '../../native/binding.js'
import { NOWHERE, WINDOW_LIMIT } from '../../space/space.js'
import { Window } from '../../space/window.js'

const WINDOW_BYTES = Number(C.WINDOW_BYTES)
const WINDOW_UNITS = WINDOW_BYTES / C.UNIT_BYTES

/** Buffers are pooled by the native layer, and so are the arrays over them. */
const pairOf = new WeakMap<ArrayBuffer, Window[]>()

function pairOver(buffer: ArrayBuffer): Window[] {
  let pair = pairOf.get(buffer)
  if (pair === undefined) {
    const { byteLength } = buffer
    pair = [new Window(buffer, 0, Math.min(byteLength, WINDOW_BYTES))]
    if (byteLength > WINDOW_BYTES) {
      pair.push(new Window(buffer, WINDOW_BYTES, byteLength - WINDOW_BYTES))
    }
    pairOf.set(buffer, pair)
  }
  return pair
}

export class Windows {
  /** All that a ref can name; spaces share this array. */
  readonly all: Window[] = new Array<Window>(WINDOW_LIMIT).fill(NOWHERE)
  private count = 0
  private reachedUnits = 0

  /** @param endUnits what is reached from the beginning: 0 is the first window */
  constructor(private readonly source: WindowSource, endUnits: number) {
    this.reach(Math.max(1, endUnits))
  }

  /** Makes the windows up to `endUnits`: so far as there are any, whatever a file claims. */
  reach(endUnits: number): void {
    while (this.reachedUnits < endUnits && this.count < WINDOW_LIMIT) {
      const buffer = this.source.windowPair(this.count >>> 1)
      const window = buffer && pairOver(buffer)[this.count & 1]
      if (window === undefined) return
      this.all[this.count] = window
      this.count++
      this.reachedUnits += WINDOW_UNITS
    }
  }
}
