/**
 * Reading cells from JavaScript: one typed-array read for most elements, no native call.
 *
 * The argument is V7 of native/src/core/vector/algorithm.h. What is read as an element is there, at
 * that moment, unless it is zero or VECTOR_VACANT, which empty cells hold. Only for these two the
 * tag is loaded, then the element again. Neither the engine nor the processor may turn those two
 * around, and both are kept from it by a dependency: the index that the element is read at is
 * computed from the tag (of an empty cell it is the tag's own place, and what is read there is
 * dropped). Atomics.load would say the same, but is a call of 10 ns: it is left to `read`, for what
 * is rare, such as an element that looks vacant. Elements of 1 and 2 bytes come with the end of
 * their tag in one word. Aligned elements of up to 8 bytes are read in one piece.
 *
 * VECTOR_VACANT is a NaN that no double or float is stored as, so comparing with zero is enough for
 * them: a number that is neither above nor below is zero, NaN or vacant.
 *
 * Only cells that the file really has are touched: `near` is how many there are for certain. That
 * only ever grows, so a stale number merely leads to a native call which renews it. A window is 2
 * GiB, so that indexes into it stay 31-bit integers.
 *
 * A page that the file cannot give reads as zeros: its cells are empty, and `far`, which is left
 * with them, throws. Only where a page is lost between tag and element could a zero come from it:
 * of zeros alone the fault bits are looked at.
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

const VACANT = C.VECTOR_VACANT
const VACANT_LOW = Number(VACANT & 0xffff_ffffn)
const VACANT_HIGH = Number(VACANT >> 32n)
/** NaN that is not signalling: the upper word's bits, as JavaScript stores it. */
const QUIET_FLOAT = 0x7fc0_0000
const QUIET_DOUBLE = 0x7ff8_0000
const FAULT = ControlBlock.fields.fault.offset >>> 2
const WINDOW_BYTES = Number(C.WINDOW_BYTES)
/** Of the first window: 262,144 elements of 8 bytes, twice as many others. */
const LEAST_BYTES = 2 ** 22

/** A narrow cell, or the element of a wide one, read in one piece and then looked at. */
const PIECE = new Window(new ArrayBuffer(8))
const isZero = (): boolean => (PIECE.u32[0]! | PIECE.u32[1]!) === 0
const isVacant = (): boolean => PIECE.u32[0] === VACANT_LOW && PIECE.u32[1] === VACANT_HIGH

export abstract class Cells {
  /** Elements of the first window that may be read; 0 when nothing may, as after close(). */
  declare protected near: number
  declare protected first: Window
  declare protected readonly control: Uint32Array
  declare protected readonly source: CellSource
  /** But for the first. */
  private readonly windows: Window[] = []
  private readonly cellBytes: number
  private readonly perWindow: number
  private firstBytes: number

  constructor(source: CellSource) {
    this.source = source
    this.control = source.control
    this.cellBytes = source.codec.bytes === 8 ? 16 : 8
    this.perWindow = WINDOW_BYTES / this.cellBytes
    this.near = Math.min(source.provided(), this.perWindow)
    this.firstBytes = this.bytesFor(this.near)
    this.first = new Window(source.window(0, this.firstBytes))
  }

  /** The first window has become larger: takes the arrays that `get` reads from anew. */
  protected abstract adopt(): void
  /** The element at an index, undefined when there is none. */
  abstract get(index: number): unknown

  /** There are so many elements: those of them in the first window are near from now on. */
  reach(size: number): void {
    if (size > this.near && this.near < this.perWindow) this.renew()
  }

  /** Elements whose cells the file has. Throws when pages could not be had. */
  private renew(): number {
    this.leave()
    const provided = this.source.provided()
    const near = Math.min(provided, this.perWindow)
    if (near * this.cellBytes > this.firstBytes) {
      const bytes = this.bytesFor(near)
      this.first = new Window(this.source.window(0, bytes))
      this.adopt()
      this.firstBytes = bytes
    }
    this.near = near
    return provided
  }

  /**
   * The first window is no larger than the vector has use for, with some in advance: for a buffer
   * of a gigabyte the engine would collect garbage, for as long as the heap is large.
   */
  private bytesFor(near: number): number {
    return Math.min(Math.max(2 * near * this.cellBytes, LEAST_BYTES), WINDOW_BYTES)
  }

  protected far(index: number): unknown {
    this.source.check(index)
    const provided = this.renew()
    if (index >= provided) return undefined
    const window = Math.floor(index / this.perWindow)
    const element = this.read(this.window(window), index - window * this.perWindow)
    this.source.provided()  // throws when pages were missing
    return element
  }

  /** The element of a cell of any window, undefined when there is none. */
  protected read({ u64, i32 }: Window, index: number): unknown {
    const { codec } = this.source
    if (this.cellBytes === 8) {
      PIECE.u64[0] = u64[index]!
      return (PIECE.u8[codec.bytes]! & 1) === 0 ? undefined : codec.read(PIECE.view, 0)
    }
    const tagAt = (index << 2) + 2
    for (;;) {
      const tag = Atomics.load(i32, tagAt)
      if ((tag & 1) === 0) return undefined
      PIECE.u64[0] = Atomics.load(u64, index << 1)
      // One that looks vacant is there if nothing changed meanwhile.
      if (!isVacant() || Atomics.load(i32, tagAt) === tag) return codec.read(PIECE.view, 0)
    }
  }

  private window(index: number): Window {
    if (index === 0) return this.first
    return this.windows[index] ??= new Window(this.source.window(index, WINDOW_BYTES))
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

  protected adopt(): void {
    this.words = this.first.i32
  }
}

export class U8Cells extends NarrowCells {
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x100) !== 0) return word & 0xff
    }
    return this.far(index)
  }
}

export class I8Cells extends NarrowCells {
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x100) !== 0) return word << 24 >> 24
    }
    return this.far(index)
  }
}

export class U16Cells extends NarrowCells {
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x1_0000) !== 0) return word & 0xffff
    }
    return this.far(index)
  }
}

export class I16Cells extends NarrowCells {
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x1_0000) !== 0) return word << 16 >> 16
    }
    return this.far(index)
  }
}

export class BoolCells extends NarrowCells {
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const word = this.words[index << 1]!
      if ((word & 0x100) !== 0) return (word & 0xff) !== 0
    }
    return this.far(index)
  }
}

export class U32Cells extends Cells {
  private words = this.first.u32

  protected adopt(): void {
    this.words = this.first.u32
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const words = this.words
      const element = words[index << 1]!
      if (element !== 0 && element !== VACANT_LOW) return element
      const absent = ~words[(index << 1) + 1 | 0]! & 1
      const again = words[(index << 1) + absent | 0]!
      const isThere = again === 0 ? this.control[FAULT] === 0 : again !== VACANT_LOW
      if (absent === 0 && isThere) return again
    }
    return this.far(index)
  }
}

export class I32Cells extends Cells {
  private words = this.first.i32

  protected adopt(): void {
    this.words = this.first.i32
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const words = this.words
      const element = words[index << 1]!
      if (element !== 0 && element !== VACANT_LOW) return element
      const absent = ~words[(index << 1) + 1 | 0]! & 1
      const again = words[(index << 1) + absent | 0]!
      const isThere = again === 0 ? this.control[FAULT] === 0 : again !== VACANT_LOW
      if (absent === 0 && isThere) return again
    }
    return this.far(index)
  }
}

export class F32Cells extends Cells {
  private words = this.first.i32
  private elements = this.first.f32

  protected adopt(): void {
    this.words = this.first.i32
    this.elements = this.first.f32
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const element = this.elements[index << 1]!
      if (element > 0 || element < 0) return element
      const words = this.words
      const absent = ~words[(index << 1) + 1 | 0]! & 1
      const again = this.elements[(index << 1) + absent | 0]!
      if (absent === 0) {
        if (again === 0 && this.control[FAULT] === 0) return again
        if (again > 0 || again < 0) return again
        if ((words[(index << 1) + absent | 0]! & QUIET_FLOAT) === QUIET_FLOAT) return NaN
      }
    }
    return this.far(index)
  }
}

export class F64Cells extends Cells {
  private words = this.first.i32
  private elements = this.first.f64

  protected adopt(): void {
    this.words = this.first.i32
    this.elements = this.first.f64
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const element = this.elements[index << 1]!
      if (element > 0 || element < 0) return element
      const words = this.words
      const absent = ~words[(index << 2) + 2 | 0]! & 1
      const again = this.elements[(index << 1) + absent | 0]!
      if (absent === 0) {
        if (again === 0 && this.control[FAULT] === 0) return again
        if (again > 0 || again < 0) return again
        if ((words[(index << 2) + 1 + absent | 0]! & QUIET_DOUBLE) === QUIET_DOUBLE) return NaN
      }
    }
    return this.far(index)
  }
}

// The tag at once: comparing a bigint takes longer than reading another word.
export class U64Cells extends Cells {
  private tags = this.first.i32
  private elements = this.first.u64

  protected adopt(): void {
    this.tags = this.first.i32
    this.elements = this.first.u64
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const absent = ~this.tags[(index << 2) + 2 | 0]! & 1
      const element = this.elements[(index << 1) + absent | 0]!
      if (absent === 0 && element !== VACANT && this.control[FAULT] === 0) return element
    }
    return this.far(index)
  }
}

export class I64Cells extends Cells {
  private tags = this.first.i32
  private elements = this.first.i64

  protected adopt(): void {
    this.tags = this.first.i32
    this.elements = this.first.i64
  }
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const absent = ~this.tags[(index << 2) + 2 | 0]! & 1
      const element = this.elements[(index << 1) + absent | 0]!
      if (absent === 0 && element !== VACANT && this.control[FAULT] === 0) return element
    }
    return this.far(index)
  }
}

/** Structs: the cell or element is copied in one piece, then taken apart. */
export class RecordCells extends Cells {
  protected adopt(): void {}
  get(index: number): unknown {
    if ((index | 0) === index && (index >>> 0) < this.near) {
      const { codec } = this.source
      if (codec.bytes === 8) {
        PIECE.u64[0] = this.first.u64[index << 1]!
        if (!isZero() && !isVacant()) return codec.read(PIECE.view, 0)
      }
      const element = this.read(this.first, index)
      if (element !== undefined && this.control[FAULT] === 0) return element
    }
    return this.far(index)
  }
}
