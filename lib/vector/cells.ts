/**
 * Reading cells from JavaScript: a few typed-array reads, no native call.
 *
 * The tag is loaded first, atomically, then the element: when the tag was odd, the element read was
 * there at some moment since (native/src/core/vector/algorithm.h, V7). The atomic load keeps the
 * engine and the processor from reading the element before. Aligned elements of up to 8 bytes are
 * read in one piece.
 *
 * Only cells that the file really has are touched: `near` is how many there are for certain. That
 * only ever grows, so a stale number merely leads to a native call which renews it. A window is 2
 * GiB, so that indexes into it stay 31-bit integers.
 */
import { C } from '../../formats/index.js'
import { Window } from '../space/window.js'
import type { ElementCodec } from './element.js'

/** What cells need of the vector that they belong to. */
export interface CellSource {
  window(index: number): ArrayBuffer
  /** Elements from 0 whose cells the file has. */
  provided(): number
}

export abstract class Cells {
  /** Elements of the first window that may be read; 0 when nothing may, as after close(). */
  #near = 0
  #first = new Window(new ArrayBuffer(0))
  readonly #windows: Window[] = []
  readonly #perWindow: number
  readonly #source: CellSource
  protected readonly codec: ElementCodec

  constructor(source: CellSource, codec: ElementCodec) {
    this.#source = source
    this.codec = codec
    this.#perWindow = Number(C.WINDOW_BYTES) / (codec.bytes === 8 ? 16 : 8)
  }

  /** The element of a cell of a window, undefined when there is none. */
  protected abstract read(window: Window, index: number): unknown

  /** `index` is a whole number, not negative. */
  get(index: number): unknown {
    if (index < this.#near) return this.read(this.#first, index)
    return this.#far(index)
  }

  #far(index: number): unknown {
    const provided = this.#source.provided()
    if (index >= provided) return undefined
    this.#first = this.#window(0)
    this.#near = Math.min(provided, this.#perWindow)
    const window = Math.floor(index / this.#perWindow)
    return this.read(this.#window(window), index - window * this.#perWindow)
  }

  #window(index: number): Window {
    return this.#windows[index] ??= new Window(this.#source.window(index))
  }

  /** Before the windows are detached. */
  close(): void {
    this.#near = 0
    this.#first = new Window(new ArrayBuffer(0))
    this.#windows.length = 0
  }
}

/** Elements of 1 and 2 bytes: one word holds the element and the low end of the tag. */
class NarrowCells extends Cells {
  readonly #shift: number
  readonly #decode: (word: number) => unknown

  constructor(source: CellSource, codec: ElementCodec, decode: (word: number) => unknown) {
    super(source, codec)
    this.#shift = codec.bytes * 8
    this.#decode = decode
  }

  protected read(window: Window, index: number): unknown {
    const word = Atomics.load(window.i32, index << 1)
    return ((word >>> this.#shift) & 1) === 0 ? undefined : this.#decode(word)
  }
}

const NARROW: Readonly<Record<string, (word: number) => unknown>> = {
  u8: (word) => word & 0xff,
  i8: (word) => word << 24 >> 24,
  u16: (word) => word & 0xffff,
  i16: (word) => word << 16 >> 16,
  bool: (word) => (word & 0xff) !== 0,
}

class U32Cells extends Cells {
  protected read(window: Window, index: number): unknown {
    return (Atomics.load(window.i32, (index << 1) + 1) & 1) === 0
      ? undefined : window.u32[index << 1]
  }
}

class I32Cells extends Cells {
  protected read(window: Window, index: number): unknown {
    return (Atomics.load(window.i32, (index << 1) + 1) & 1) === 0
      ? undefined : window.i32[index << 1]
  }
}

class F32Cells extends Cells {
  protected read(window: Window, index: number): unknown {
    return (Atomics.load(window.i32, (index << 1) + 1) & 1) === 0
      ? undefined : window.f32[index << 1]
  }
}

class F64Cells extends Cells {
  protected read(window: Window, index: number): unknown {
    return (Atomics.load(window.i32, (index << 2) + 2) & 1) === 0
      ? undefined : window.f64[index << 1]
  }
}

class U64Cells extends Cells {
  protected read(window: Window, index: number): unknown {
    return (Atomics.load(window.i32, (index << 2) + 2) & 1) === 0
      ? undefined : window.u64[index << 1]
  }
}

class I64Cells extends Cells {
  protected read(window: Window, index: number): unknown {
    return (Atomics.load(window.i32, (index << 2) + 2) & 1) === 0
      ? undefined : window.i64[index << 1]
  }
}

/** Structs: the element is copied in one piece, then taken apart. */
class RecordCells extends Cells {
  readonly #piece = new BigUint64Array(1)
  readonly #view = new DataView(this.#piece.buffer)

  protected read(window: Window, index: number): unknown {
    const { bytes } = this.codec
    const wide = bytes === 8 ? 1 : 0
    const tag = Atomics.load(window.i32, wide ? (index << 2) + 2 : (index << 1) + (bytes >> 2))
    const shift = bytes < 4 ? bytes * 8 : 0
    if (((tag >>> shift) & 1) === 0) return undefined
    this.#piece[0] = window.u64[index << wide]!
    return this.codec.read(this.#view, 0)
  }
}

const BY_KIND = {
  u32: U32Cells, i32: I32Cells, f32: F32Cells, f64: F64Cells, u64: U64Cells, i64: I64Cells,
} as const

export function cellsOf(source: CellSource, codec: ElementCodec): Cells {
  const { scalar } = codec
  if (scalar === undefined) return new RecordCells(source, codec)
  const narrow = NARROW[scalar]
  if (narrow !== undefined) return new NarrowCells(source, codec, narrow)
  return new BY_KIND[scalar as keyof typeof BY_KIND](source, codec)
}
