/**
 * A growable vector that threads and processes share without locks.
 *
 * Whoever has the file open may push, pop, read and replace elements at the same time; a process
 * that is killed in the middle of it blocks nobody and loses at most the element it was about to
 * push or pop. Each operation takes effect at one moment between its call and its return. The
 * algorithm and its proof: native/src/core/vector/algorithm.h.
 *
 * Promise: the content survives the death of any process. It survives the machine as of the last
 * `flush()`, and `open` says when there were changes after it.
 */
import { dirname, resolve } from 'node:path'

import { C } from '../../formats/index.js'
import { refuseNetwork } from '../native/network.js'
import { checkMode, checkNewPath, checkPath, checkTimeout } from '../region/base/options.js'
import type { Type } from '../types/infer.js'
import { checkOptionNames } from '../types/options.js'
import { show } from '../types/text.js'
import {
  BoolCells, F32Cells, F64Cells, I16Cells, I32Cells, I64Cells, I8Cells, RecordCells, U16Cells,
  U32Cells, U64Cells, U8Cells,
} from './cells.js'
import { elementOf } from './element.js'
import { openingError, vectorError } from './errors.js'
import { vectorAddon } from './native.js'
import { cellsOf, VectorOperations } from './operations.js'
import { checkCapacity, type CreateVectorOptions, type OpenVectorOptions } from './options.js'

export abstract class SharedVector<V, I = V> extends VectorOperations<V, I> {
  /**
   * Makes a file with an empty vector and opens it. The type of the elements is stored with it.
   * Throws RSTORE_EXISTS, RSTORE_NO_SPACE, RSTORE_NETWORK; a TypeError for a type that is not a
   * number, bigint, boolean, enum, date or a struct of them of at most 8 bytes. Larger records are
   * kept in a packed region: with an element of `t.ref(() => City)` and the option `packed`,
   * elements are 4 bytes each and read as the records they name, as long as the packed region is
   * open.
   */
  static create<V, I>(
    path: string, element: Type<V, I>, options: CreateVectorOptions = {},
  ): SharedVector<V, I> {
    checkNewPath(path)
    const absolute = resolve(path)
    checkOptionNames(options, 'SharedVector.create', ['capacity', 'mode', 'packed'])
    const codec = elementOf(element, options.packed, 'SharedVector.create')
    const bytes = checkCapacity(options.capacity)
    const mode = checkMode(options.mode)
    if (Buffer.byteLength(codec.text) > C.VECTOR_TYPE_BYTES) {
      throw new RangeError(`SharedVector.create: the names of the struct are longer than `
        + `${C.VECTOR_TYPE_BYTES} bytes together`)
    }
    refuseNetwork(dirname(absolute))
    const status = vectorAddon().createVector(absolute, bytes, codec.bytes, codec.text, mode)
    if (status !== 0) throw vectorError(status, absolute, 'creating')
    return SharedVector.open(absolute, element,
      options.packed === undefined ? {} : { packed: options.packed })
  }

  /**
   * Opens a vector of exactly this element type. Every thread opens it for itself. Throws
   * RSTORE_NOT_FOUND, RSTORE_NOT_A_REGION, RSTORE_WRONG_KIND, RSTORE_TOO_NEW,
   * RSTORE_TYPE_MISMATCH, RSTORE_CORRUPT, RSTORE_UNFLUSHED, RSTORE_NETWORK, and RSTORE_BUSY when
   * 1,024 handles have it open, or somebody is too long at opening it.
   */
  static open<V, I>(
    path: string, element: Type<V, I>, options: OpenVectorOptions = {},
  ): SharedVector<V, I> {
    checkPath(path)
    checkOptionNames(options, 'SharedVector.open', ['unflushed', 'timeoutMs', 'packed'])
    const codec = elementOf(element, options.packed, 'SharedVector.open')
    const { unflushed = 'refuse' } = options
    if (unflushed !== 'refuse' && unflushed !== 'accept') {
      throw new TypeError(`unflushed must be 'refuse' or 'accept', not ${show(unflushed)}`)
    }
    const timeoutMs = checkTimeout(options.timeoutMs ?? 10_000)
    const absolute = resolve(path)
    refuseNetwork(absolute)
    const native = new (vectorAddon().Vector)()
    const run = native.open(absolute, codec.text, unflushed === 'accept', timeoutMs)
    if (run.status !== 0) throw openingError(run, absolute, codec.text)
    const [Kind, Cells] = KINDS[codec.scalar ?? 'record']
    return new Kind<V, I>({ path: absolute, codec, native, run, Cells })
  }
}

// One class for each kind of element, so that `get` is compiled for it: see cells.ts.

class U8Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as U8Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class I8Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as I8Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class U16Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as U16Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class I16Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as I16Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class U32Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as U32Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class I32Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as I32Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class F32Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as F32Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class F64Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as F64Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class U64Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as U64Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class I64Vector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as I64Cells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class BoolVector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as BoolCells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}
class RecordVector<V, I> extends SharedVector<V, I> {
  readonly #own = cellsOf(this) as RecordCells
  get(index: number): V | undefined {
    return this.#own.get(index) as V | undefined
  }
}

const KINDS = {
  u8: [U8Vector, U8Cells],
  i8: [I8Vector, I8Cells],
  u16: [U16Vector, U16Cells],
  i16: [I16Vector, I16Cells],
  u32: [U32Vector, U32Cells],
  i32: [I32Vector, I32Cells],
  f32: [F32Vector, F32Cells],
  f64: [F64Vector, F64Cells],
  u64: [U64Vector, U64Cells],
  i64: [I64Vector, I64Cells],
  bool: [BoolVector, BoolCells],
  record: [RecordVector, RecordCells],
} as const
