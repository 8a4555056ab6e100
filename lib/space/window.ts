/**
 * A window: at most 2 GiB of a space, seen as typed arrays of every element type.
 *
 * Windows are 2 GiB and not 4 so that an index into any of their arrays, bytes included, is a
 * 31-bit integer: V8 keeps those in registers as they are, and no byte address is ever a float. A
 * region of 4 GiB has two, one of 32 GiB has sixteen. No cell straddles a window, so that code
 * picks the window once for a node or a record and stays in it.
 *
 * No window, and no array over a window's buffer, ever leaves the library: `structuredClone` or
 * `transfer` would copy or steal it.
 */
import { hide } from './hidden.js'

export class Window {
  declare readonly u8: Uint8Array
  declare readonly i8: Int8Array
  declare readonly u16: Uint16Array
  declare readonly i16: Int16Array
  declare readonly u32: Uint32Array
  declare readonly i32: Int32Array
  declare readonly f32: Float32Array
  declare readonly f64: Float64Array
  declare readonly u64: BigUint64Array
  declare readonly i64: BigInt64Array
  /** For words that are not aligned, or big-endian. */
  declare readonly view: DataView

  constructor(buffer: ArrayBuffer, offset = 0, bytes = buffer.byteLength) {
    hide(this, 'u8', new Uint8Array(buffer, offset, bytes))
    hide(this, 'i8', new Int8Array(buffer, offset, bytes))
    hide(this, 'u16', new Uint16Array(buffer, offset, bytes / 2))
    hide(this, 'i16', new Int16Array(buffer, offset, bytes / 2))
    hide(this, 'u32', new Uint32Array(buffer, offset, bytes / 4))
    hide(this, 'i32', new Int32Array(buffer, offset, bytes / 4))
    hide(this, 'f32', new Float32Array(buffer, offset, bytes / 4))
    hide(this, 'f64', new Float64Array(buffer, offset, bytes / 8))
    hide(this, 'u64', new BigUint64Array(buffer, offset, bytes / 8))
    hide(this, 'i64', new BigInt64Array(buffer, offset, bytes / 8))
    hide(this, 'view', new DataView(buffer, offset, bytes))
  }
}
