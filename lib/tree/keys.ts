/**
 * The keys that trees know. What a user's key becomes is the business of the key codecs of
 * lib/types; here are only the four ordered families, each with one form in which keys are passed
 * in and out:
 *
 *   'u32'    a number, 0 … 2^32 − 1
 *   'f64'    a number, never NaN, never −0
 *   'u64'    a PairKey: high and low half, compared as one unsigned 64-bit number
 *   'bytes'  a KeyBuffer: at most MAXIMUM_KEY_BYTES, compared bytewise, a prefix before what
 *     continues it
 *
 * PairKey and KeyBuffer are made once and filled again and again: no key of a hot path is an
 * allocation. A tree reads what it is given and keeps nothing of it.
 */
export type KeyKind = 'u32' | 'f64' | 'u64' | 'bytes'

/** What a key of a family is passed as. */
export interface KeyForms {
  u32: number
  f64: number
  u64: PairKey
  bytes: KeyBuffer
}

export const MAXIMUM_KEY_BYTES = 0x1_0000

const WORD_BYTES = 4

/** An unsigned 64-bit key in two halves, each 0 … 2^32 − 1. */
export class PairKey {
  constructor(
    public high = 0,
    public low = 0,
  ) {}
}

/**
 * Short buffers are pieces of a larger one: memory of its own costs each ten times as much, and
 * whoever walks nested maps makes a few for each.
 */
const SLAB_BYTES = 0x2000
const LARGEST_PIECE = 0x400
let slab = new ArrayBuffer(SLAB_BYTES)
let slabUsed = 0

/** At least `bytes` bytes that nobody else uses. */
function memoryOf(bytes: number): Uint8Array {
  const rounded = (bytes + 7) & ~7
  if (rounded > LARGEST_PIECE) return new Uint8Array(rounded)
  if (slabUsed + rounded > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES)
    slabUsed = 0
  }
  const piece = new Uint8Array(slab, slabUsed, rounded)
  slabUsed += rounded
  return piece
}

const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, length)

/** A key of any length: the first `length` bytes of `u8`. Bytes behind them may be anything. */
export class KeyBuffer {
  length = 0
  u8: Uint8Array
  /** The same bytes, and at least 4 more: whole words of a key may be read wherever it ends. */
  view: DataView

  constructor(capacity = 256) {
    this.u8 = memoryOf(capacity + WORD_BYTES)
    this.view = viewOf(this.u8)
  }

  /** Makes room for `bytes` bytes; what was there before is kept. */
  reserve(bytes: number): void {
    if (bytes + WORD_BYTES <= this.u8.length) return
    const grown = memoryOf(Math.max(bytes, this.u8.length * 2) + WORD_BYTES)
    grown.set(this.u8)
    this.u8 = grown
    this.view = viewOf(grown)
  }

  /** Becomes a copy of part of `source`. */
  assign(source: Uint8Array, from: number, to: number): void {
    const length = to - from
    this.reserve(length)
    const target = this.u8
    if (length > 64) target.set(source.subarray(from, to))
    else for (let i = 0; i < length; i++) target[i] = source[from + i]!
    this.length = length
  }

  copyFrom(other: KeyBuffer): void {
    this.assign(other.u8, 0, other.length)
  }
}

/**
 * Part of a tree; an end that is undefined is open. The keys belong to the caller and stay
 * unchanged during the call.
 */
export class KeyRange<K> {
  low: K | undefined = undefined
  /** Whether `low` itself is left out. */
  lowExcluded = false
  high: K | undefined = undefined
  /** Whether `high` itself is left out. */
  highExcluded = false
}
