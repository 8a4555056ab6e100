/**
 * Reading cells from JavaScript: a few typed-array reads, no native call.
 *
 * The tag is loaded first, then the element: when the tag was odd, the element read was there at
 * some moment since (native/src/core/vector/algorithm.h, V7). Neither the engine nor the processor
 * may turn the two around, and both are kept from it by a dependency: the index that the element
 * is read at is computed from the tag (of an empty cell it is the tag's own place, and what is read
 * there is dropped). Atomics.load would say the same, but is a call of 10 ns. Elements of 1 and 2
 * bytes come with the end of their tag in one word. Aligned elements of up to 8 bytes are read in
 * one piece.
 *
 * Only cells that the file really has are touched: `near` is how many there are for certain. That
 * only ever grows, so a stale number merely leads to a native call which renews it. A window is 2
 * GiB, so that indexes into it stay 31-bit integers.
 *
 * A page that the file cannot give reads as zeros: its cells are empty, and what is not simply
 * there is asked for in native code, which throws. Only where a page is lost between tag and
 * element could a zero come from it: of zeros alone the fault bits are looked at.
 *
 * What `get` costs depends on how the engine sees it:
 *  - One class for each kind of element, so that it is compiled for that kind alone, whatever other
 *    kinds the program uses; for the same reason there is a class of vectors for each.
 *  - `far` is not called for elements that a vector is known to have: `reach` is told of sizes. As
 *    long as it never was, the engine leaves it out of a loop around `get`, and numbers need not be
 *    boxed for the sake of the undefined that it may give.
 *  - Of a vector that is a constant of the program the engine takes what is set once for constant
 *    as well: the cells, their arrays, where those lie and how long they are. It loads and checks
 *    none of that for an element any more, which is a third of the cost. Set once is meant
 *    literally, for all objects of a class: no value before the first (so fields are `declare`d or
 *    begin with what they keep), none after close(). Only where a first window was too small do
 *    that kind's arrays become fields like others.
 *  - Whole numbers are compared and computed by operators of 32 bits (`| 0`), which need no check
 *    for a result that is larger.
 */
import { C, ControlBlock } from '../../formats/index.js'
import { Window } from '../space/window.js'
import type { Codec } from './element.js'

/** What cells need of the vector that they belong to. */
export interface CellSource {
  readonly codec: Codec
  /** A ControlBlock: its fault bits say that what was read may not be the file's. */
  readonly control: Uint32Array
  /** At most so many bytes of cells from `index` windows on. */
  window(index: number, bytes: number): ArrayBuffer
  /** Elements from 0 whose cells the file has. Throws when pages could not be had. */
  provided(): number
  /** Throws when the index makes no sense or the vector is closed. */
  check(index: number): void
}

const FAULT = ControlBlock.fields.fault.offset >>> 2
const WINDOW_BYTES = Number(C.WINDOW_BYTES)
/** Of the first window: 262,144 elements of 8 bytes, twice as many others. */
const LEAST_BYTES = 2 ** 22

/** The fast path of `get` has one return: whatever is not simply there is left to `far`. */
export abstract class Cells {
  /** Elements of the first window that may be read; 0 when nothing may, as after close(). */
  declare protected near: number
  declare protected first: Window
  declare protected readonly control: Uint32Array
  declare protected readonly source: CellSource
  /** But for the first. */
  readonly #windows: Window[] = []
  readonly #cellBytes: number
  readonly #perWindow: number
  #firstBytes: number

  constructor(source: CellSource) {
    this.source = source
    this.control = source.control
    this.#cellBytes = source.codec.bytes === 8 ? 16 : 8
    this.#perWindow = WINDOW_BYTES / this.#cellBytes
    this.near = Math.min(source.provided(), this.#perWindow)
    this.#firstBytes = this.#bytesFor(this.near)
    this.first = new Window(source.window(0, this.#firstBytes))
  }

  /** The first window has become larger: takes the arrays that `get` reads from anew. */
  protected abstract adopt(): void
  /** The element of a cell of any window, undefined when there is none. */
  protected abstract read(window: Window, index: number): unknown
  /** The element at an index, undefined when there is none. */
  abstract get(index: number): unknown

  /** There are so many elements: those of them in the first window are near from now on. */
  reach(size: number): void {
    if (size > this.near && this.near < this.#perWindow) this.#renew()
  }

  /** Elements whose cells the file has. Throws when pages could not be had. */
  #renew(): number {
    this.leave()
    const provided = this.source.provided()
    const near = Math.min(provided, this.#perWindow)
    if (near * this.#cellBytes > this.#firstBytes) {
      const bytes = this.#bytesFor(near)
      this.first = new Window(this.source.window(0, bytes))
      this.adopt()
      this.#firstBytes = bytes
    }
    this.near = near
    return provided
  }

  /**
   * The first window is no larger than the vector has use for, with some in advance: for a buffer
   * of a gigabyte the engine would collect garbage, for as long as the heap is large.
   */
  #bytesFor(near: number): number {
    return Math.min(Math.max(2 * near * this.#cellBytes, LEAST_BYTES), WINDOW_BYTES)
  }

  protected far(index: number): unknown {
    this.source.check(index)
    const provided = this.#renew()
    if (index >= provided) return undefined
    const window = Math.floor(index / this.#perWindow)
    const element = this.read(this.#window(window), index - window * this.#perWindow)
    this.source.provided()  // throws when pages were missing
    return element
  }

  #window(index: number): Window {
    if (index === 0) return this.first
    return this.#windows[index] ??= new Window(this.source.window(index, WINDOW_BYTES))
  }

  /**
   * Nothing is near until it was asked for: something went wrong, or the vector is closed. Then the
   * arrays stay, over addresses that have no memory any more (vector-file.cc).
   */
  leave(): void {
    this.near = 0
  }
}

/** Elements of 1 and 2 bytes: one word holds the element and the low end of the tag. */
abstract class NarrowCells extends Cells {
  protected words = this.first.i32

  protected abstract decode(word: number): unknown
  protected adopt(): void {
    this.words = this.first.i32
  }
  protected read(window: Window, index: number): unknown {
    const word = window.i32[index << 1]!
    return ((word >>> (this.source.codec.bytes * 8)) & 1) === 0 ? undefined : this.decode(word)
  }
}

export class U8Cells extends NarrowCells {
  protected decode(word: number): number {
    return word & 0xff
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x100) !== 0) return word & 0xff
    }
    return this.far(index)
  }
}

export class I8Cells extends NarrowCells {
  protected decode(word: number): number {
    return word << 24 >> 24
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x100) !== 0) return word << 24 >> 24
    }
    return this.far(index)
  }
}

export class U16Cells extends NarrowCells {
  protected decode(word: number): number {
    return word & 0xffff
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x1_0000) !== 0) return word & 0xffff
    }
    return this.far(index)
  }
}

export class I16Cells extends NarrowCells {
  protected decode(word: number): number {
    return word << 16 >> 16
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x1_0000) !== 0) return word << 16 >> 16
    }
    return this.far(index)
  }
}

export class BoolCells extends NarrowCells {
  protected decode(word: number): boolean {
    return (word & 0xff) !== 0
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x100) !== 0) return (word & 0xff) !== 0
    }
    return this.far(index)
  }
}

export class U32Cells extends Cells {
  #words = this.first.u32

  protected adopt(): void {
    this.#words = this.first.u32
  }
  protected read({ u32 }: Window, index: number): unknown {
    const absent = ~u32[(index << 1) + 1]! & 1
    const element = u32[(index << 1) + absent]
    return absent === 0 ? element : undefined
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const words = this.#words
      const absent = ~words[(index << 1) + 1 | 0]! & 1
      const element = words[(index << 1) + absent | 0]
      if (absent === 0 && (element !== 0 || this.control[FAULT] === 0)) return element
    }
    return this.far(index)
  }
}

export class I32Cells extends Cells {
  #words = this.first.i32

  protected adopt(): void {
    this.#words = this.first.i32
  }
  protected read({ i32 }: Window, index: number): unknown {
    const absent = ~i32[(index << 1) + 1]! & 1
    const element = i32[(index << 1) + absent]
    return absent === 0 ? element : undefined
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const words = this.#words
      const absent = ~words[(index << 1) + 1 | 0]! & 1
      const element = words[(index << 1) + absent | 0]
      if (absent === 0 && (element !== 0 || this.control[FAULT] === 0)) return element
    }
    return this.far(index)
  }
}

export class F32Cells extends Cells {
  #tags = this.first.i32
  #elements = this.first.f32

  protected adopt(): void {
    this.#tags = this.first.i32
    this.#elements = this.first.f32
  }
  protected read(window: Window, index: number): unknown {
    const absent = ~window.i32[(index << 1) + 1]! & 1
    const element = window.f32[(index << 1) + absent]
    return absent === 0 ? element : undefined
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const absent = ~this.#tags[(index << 1) + 1 | 0]! & 1
      const element = this.#elements[(index << 1) + absent | 0]
      if (absent === 0 && (element !== 0 || this.control[FAULT] === 0)) return element
    }
    return this.far(index)
  }
}

export class F64Cells extends Cells {
  #tags = this.first.i32
  #elements = this.first.f64

  protected adopt(): void {
    this.#tags = this.first.i32
    this.#elements = this.first.f64
  }
  protected read(window: Window, index: number): unknown {
    const absent = ~window.i32[(index << 2) + 2]! & 1
    const element = window.f64[(index << 1) + absent]
    return absent === 0 ? element : undefined
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const absent = ~this.#tags[(index << 2) + 2 | 0]! & 1
      const element = this.#elements[(index << 1) + absent | 0]
      if (absent === 0 && (element !== 0 || this.control[FAULT] === 0)) return element
    }
    return this.far(index)
  }
}

export class U64Cells extends Cells {
  #tags = this.first.i32
  #elements = this.first.u64

  protected adopt(): void {
    this.#tags = this.first.i32
    this.#elements = this.first.u64
  }
  protected read(window: Window, index: number): unknown {
    const absent = ~window.i32[(index << 2) + 2]! & 1
    const element = window.u64[(index << 1) + absent]
    return absent === 0 ? element : undefined
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const absent = ~this.#tags[(index << 2) + 2 | 0]! & 1
      const element = this.#elements[(index << 1) + absent | 0]
      if (absent === 0 && this.control[FAULT] === 0) return element
    }
    return this.far(index)
  }
}

export class I64Cells extends Cells {
  #tags = this.first.i32
  #elements = this.first.i64

  protected adopt(): void {
    this.#tags = this.first.i32
    this.#elements = this.first.i64
  }
  protected read(window: Window, index: number): unknown {
    const absent = ~window.i32[(index << 2) + 2]! & 1
    const element = window.i64[(index << 1) + absent]
    return absent === 0 ? element : undefined
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const absent = ~this.#tags[(index << 2) + 2 | 0]! & 1
      const element = this.#elements[(index << 1) + absent | 0]
      if (absent === 0 && this.control[FAULT] === 0) return element
    }
    return this.far(index)
  }
}

/** Structs: the element is copied in one piece, then taken apart. */
export class RecordCells extends Cells {
  readonly #piece = new BigUint64Array(1)
  readonly #view = new DataView(this.#piece.buffer)

  protected adopt(): void {}
  protected read(window: Window, index: number): unknown {
    const { codec } = this.source
    const wide = codec.bytes === 8 ? 1 : 0
    const tag = window.i32[wide === 1 ? (index << 2) + 2 : (index << 1) + (codec.bytes >> 2)]!
    const absent = ~(tag >>> (codec.bytes < 4 ? codec.bytes * 8 : 0)) & 1
    this.#piece[0] = window.u64[(index << wide) + absent]!
    return absent === 0 ? codec.read(this.#view, 0) : undefined
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const element = this.read(this.first, index)
      if (element !== undefined && this.control[FAULT] === 0) return element
    }
    return this.far(index)
  }
}
