/** The bytes of a space in pieces that a hash takes. */
import { C } from '../../../formats/index.js'
import type { Window } from '../../space/window.js'

const WINDOW_BYTES = Number(C.WINDOW_BYTES)
/** Node's hashes take at most 2 GiB less one byte at a time: a whole window is too much. */
const PIECE_BYTES = WINDOW_BYTES / 2

/** All bytes of [start, end), which are addresses, in order. */
export function* contentPieces(
  windows: readonly Pick<Window, 'u8'>[], start: number, end: number,
): Generator<Uint8Array> {
  for (let at = start; at < end; ) {
    const stop = Math.min(end, (Math.floor(at / PIECE_BYTES) + 1) * PIECE_BYTES)
    const index = Math.floor(at / WINDOW_BYTES)
    const base = index * WINDOW_BYTES
    yield windows[index]!.u8.subarray(at - base, stop - base)
    at = stop
  }
}
