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
import { C, VectorCall } from '../../formats/index.js'
import { bytesOf, checkTimeout, type Size } from '../region/options.js'
import type { Packed } from '../region/packed.js'
import type { Type } from '../types/infer.js'
import { show } from '../types/text.js'
import { cellsOf, type Cells } from './cells.js'
import { checkArray, elementOf, oneNaN, type ElementArray, type Codec } from './element.js'
import { closedError, openingError, vectorError } from './errors.js'
import { vectorAddon, WAIT_REACHED, WAIT_TIMEOUT } from './native.js'
import type { NativeVector, OpenedVector } from './native.js'

export interface CreateVectorOptions {
  /**
   * Room for elements: 8 bytes for each of up to 4 bytes, 16 for each of 8. Default 1 GiB, at most
   * 32 GiB. Only address space until it is used. The file has 4 MiB of its own before the elements,
   * of which a few pages are used.
   */
  capacity?: Size
  /** Permission bits of the new file. Default 0o666, less the umask. */
  mode?: number
  /** For elements of a t.ref: where the records are that they name. */
  packed?: Packed<any>
}

export interface OpenVectorOptions {
  /**
   * What to do after a crash of the machine when there had been changes after the last flush():
   * throw RSTORE_UNFLUSHED (default), or go on with what is there.
   */
  unflushed?: 'refuse' | 'accept'
  /** For elements of a t.ref: the packed region that the vector was created with. */
  packed?: Packed<any>
}

/** What opening found after the machine had been started anew. */
export interface VectorRecovery {
  /** Elements that the last flush covered. */
  readonly flushedSize: number
  /** Elements that were found. */
  readonly size: number
  /** Whether the file was as flushed. If not, elements may be newer, or lost behind that size. */
  readonly flushed: boolean
}

export interface WaitOptions {
  /** Milliseconds; default: for ever. */
  timeoutMs?: number
  signal?: AbortSignal
}

// Indexes into arrays over a VectorCall and a ControlBlock.
const VALUE_BYTE = VectorCall.fields.value.offset
const EXPECTED_BYTE = VectorCall.fields.expected.offset
const VALUE = VALUE_BYTE >>> 3
const INDEX = VectorCall.fields.index.offset >>> 3
const COUNT = VectorCall.fields.count.offset >>> 3
const CODE = VectorCall.fields.code.offset >>> 2
const ERROR = VectorCall.fields.error.offset >>> 2
const FOUND = VectorCall.fields.found.offset >>> 2
const COPY_ELEMENTS = 4096
const FIRST_BUCKET = C.VECTOR_FIRST_BUCKET_ELEMENTS

export class SharedVector<V, I = V> implements Disposable {
  /** As given. */
  readonly path: string
  /** Elements that fit. */
  readonly capacity: number
  /** Null unless the machine was started anew since the vector was last open. */
  readonly recovery: VectorRecovery | null
  readonly #codec: Codec
  readonly #cells: Cells
  readonly #native: NativeVector
  readonly #run: OpenedVector
  readonly #call: DataView
  readonly #doubles: Float64Array
  readonly #words: Uint32Array
  #closed = false

  private constructor(path: string, codec: Codec, native: NativeVector, run: OpenedVector) {
    this.path = path
    this.capacity = run.capacity
    this.recovery = run.recovered
      ? { flushedSize: run.flushedSize, size: run.foundSize, flushed: !run.unflushed }
      : null
    this.#codec = codec
    this.#native = native
    this.#run = run
    this.#call = new DataView(run.call)
    this.#doubles = new Float64Array(run.call)
    this.#words = new Uint32Array(run.call)
    this.#cells = cellsOf({
      codec,
      control: new Uint32Array(run.control),
      window: (index) => native.window(index),
      provided: () => this.#number('reading', () => run.provided()),
      check: (index) => {
        checkIndex(index)
        this.#open()
      },
    })
  }

  /**
   * Makes a file with an empty vector and opens it. The type of the elements is stored with it.
   * Throws RSTORE_EXISTS, RSTORE_NO_SPACE; a TypeError for a type that is not a number, bigint,
   * boolean or a struct of them of at most 8 bytes. Larger records are kept in a packed region:
   * with an element of `t.ref(() => City)` and the option `packed`, elements are 4 bytes each and
   * read as the records they name, as long as the packed region is open.
   */
  static create<V, I>(
    path: string, element: Type<V, I>, options: CreateVectorOptions = {},
  ): SharedVector<V, I> {
    checkPath(path)
    const codec = elementOf(element, options.packed, 'SharedVector.create')
    const bytes = checkCapacity(bytesOf(options.capacity ?? '1GiB', 'capacity'))
    const mode = options.mode ?? 0o666
    if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
      throw new RangeError(`mode must be permission bits such as 0o600, not ${String(mode)}`)
    }
    if (Buffer.byteLength(codec.text) > C.VECTOR_TYPE_BYTES) {
      throw new RangeError(`SharedVector.create: the names of the struct are longer than `
        + `${C.VECTOR_TYPE_BYTES} bytes together`)
    }
    const status = vectorAddon().createVector(path, bytes, codec.bytes, codec.text, mode)
    if (status !== 0) throw vectorError(status, path, 'creating')
    return SharedVector.open(path, element,
      options.packed === undefined ? {} : { packed: options.packed })
  }

  /**
   * Opens a vector of exactly this element type. Every thread opens it for itself. Throws
   * RSTORE_NOT_FOUND, RSTORE_NOT_A_REGION, RSTORE_WRONG_KIND, RSTORE_TOO_NEW,
   * RSTORE_TYPE_MISMATCH, RSTORE_CORRUPT, RSTORE_UNFLUSHED, and RSTORE_BUSY when 1,024 handles have
   * it open.
   */
  static open<V, I>(
    path: string, element: Type<V, I>, options: OpenVectorOptions = {},
  ): SharedVector<V, I> {
    checkPath(path)
    const codec = elementOf(element, options.packed, 'SharedVector.open')
    const { unflushed = 'refuse' } = options
    if (unflushed !== 'refuse' && unflushed !== 'accept') {
      throw new TypeError(`unflushed must be 'refuse' or 'accept', not ${show(unflushed)}`)
    }
    const native = new (vectorAddon().Vector)()
    const run = native.open(path, codec.text, unflushed === 'accept')
    if (run.status !== 0) throw openingError(run, path, codec.text)
    return new SharedVector<V, I>(path, codec, native, run)
  }

  /** How many elements there are. */
  get size(): number {
    return this.#number('reading', () => this.#run.size())
  }

  /**
   * Appends an element and gives its index. Throws RSTORE_REGION_FULL or RSTORE_NO_SPACE; then
   * nothing was appended.
   */
  push(element: I): number {
    this.#put(element, 'push')
    this.#run.push()
    this.#check('appending to')
    return this.#doubles[INDEX]!
  }

  /**
   * Appends numbers, in pieces of up to 126 whose elements stay next to each other; between two
   * pieces others may append. The array is of the kind of the elements (booleans: a Uint8Array of 0
   * and 1). When it throws RSTORE_REGION_FULL or RSTORE_NO_SPACE, `facts.pushed` says how many
   * elements were appended.
   */
  pushMany(elements: ArrayBufferView): void {
    checkArray(this.#codec, elements)
    this.#open()
    this.#pushArray(elements)
  }

  /**
   * Appends at most 126 elements next to each other and gives the index of the first; none on a
   * throw.
   */
  pushBatch(elements: Iterable<I>): number {
    const checked = Array.from(elements, (element) => this.#codec.check(element, 'pushBatch'))
    if (checked.length === 0 || checked.length > C.VECTOR_BATCH_LIMIT) {
      throw new RangeError(`pushBatch: from 1 to ${C.VECTOR_BATCH_LIMIT} elements, not `
        + `${checked.length}`)
    }
    const { bytes } = this.#codec
    // 8 bytes behind the last: an element is written with all the 8.
    const view = new DataView(new ArrayBuffer(checked.length * bytes + 8))
    checked.forEach((element, i) => this.#codec.write(view, i * bytes, element))
    this.#open()
    this.#pushArray(new Uint8Array(view.buffer, 0, checked.length * bytes))
    return this.#doubles[INDEX]!
  }

  #pushArray(elements: ArrayBufferView): void {
    this.#run.pushMany(elements)
    if (this.#words[CODE] === 0) return
    const pushed = this.#doubles[COUNT]!
    throw vectorError(this.#status, this.path, 'appending to', pushed)
  }

  /** Takes the last element out; undefined when there is none. */
  pop(): V | undefined {
    this.#open()
    this.#run.pop()
    this.#check('popping from')
    return this.#words[FOUND] === 0
      ? undefined : this.#codec.read(this.#call, VALUE_BYTE) as V
  }

  /** The element at an index, undefined from the size on. Costs two reads of a typed array. */
  get(index: number): V | undefined {
    return this.#cells.get(index) as V | undefined
  }

  /** Replaces an element. A RangeError when there is none at the index (any more). */
  set(index: number, element: I): void {
    checkIndex(index)
    this.#put(element, 'set')
    this.#doubles[INDEX] = index
    this.#run.set()
    this.#check('writing to')
    if (this.#words[FOUND] === 0) {
      throw new RangeError(`set: there is no element ${index} in ${this.path}`)
    }
  }

  /**
   * Replaces an element if it is what is expected, compared as stored bytes: 0 and -0 differ, NaN
   * equals NaN (all are stored as the same one). False when it is another, or there is none at the
   * index.
   */
  compareAndSet(index: number, expected: I, next: I): boolean {
    checkIndex(index)
    const codec = this.#codec
    // Both before either is written: a getter of the caller's may use the vector itself.
    const checkedExpected = codec.check(expected, 'compareAndSet, expected')
    const checkedNext = codec.check(next, 'compareAndSet, next')
    this.#open()
    codec.write(this.#call, EXPECTED_BYTE, checkedExpected)
    codec.write(this.#call, VALUE_BYTE, checkedNext)
    this.#doubles[INDEX] = index
    this.#run.compareAndSet()
    this.#check('writing to')
    return this.#words[FOUND] === 1
  }

  /** Makes room on the disk for so many elements in all, so that pushes up to there find it. */
  reserve(elements: number): void {
    checkIndex(elements)
    this.#open()
    this.#doubles[INDEX] = elements
    this.#run.reserve()
    this.#check('reserving in')
  }

  /**
   * Copies of all elements, one array for each bucket of the file (8 elements, 16, 32 …). Copies,
   * because an element lies beside the tag that makes changes of it safe. Each element is as it was
   * at some moment during the call.
   */
  asTypedArrays(): ElementArray[] {
    const { array } = this.#codec
    if (array === undefined) throw new TypeError('asTypedArrays: the elements are no numbers')
    const arrays: ElementArray[] = []
    const { size } = this
    for (let first = 0, length = FIRST_BUCKET; first < size; first += length, length *= 2) {
      const copy = new array(Math.min(length, size - first))
      this.#copy(first, copy)
      arrays.push(copy)
    }
    return arrays
  }

  /**
   * The elements there were when iteration began; it ends early where elements were popped since.
   * Each is read when its turn comes.
   */
  *[Symbol.iterator](): IterableIterator<V> {
    const { size } = this
    for (let index = 0; index < size; index++) {
      const element = this.get(index)
      if (element === undefined) return
      yield element
    }
  }

  /**
   * Resolves to true as soon as there have been `size` elements, to false when that took too long.
   * Sleeps on a thread of its own; nobody polls. Rejects with the reason of `signal`, and with
   * RSTORE_CLOSED when the vector is closed.
   */
  async waitForSize(size: number, options: WaitOptions = {}): Promise<boolean> {
    checkIndex(size)
    const { timeoutMs, signal } = options
    const timeout = timeoutMs === undefined || timeoutMs === Infinity ? -1 : checkTimeout(timeoutMs)
    if (size > this.capacity) {
      throw new RangeError(`waitForSize: ${size} elements do not fit; the capacity is `
        + `${this.capacity}`)
    }
    signal?.throwIfAborted()
    this.#open()
    let abort: (() => void) | undefined
    try {
      return await new Promise<boolean>((resolve, reject) => {
        const wait = this.#native.wait(size, timeout, (status, end) => {
          if (!this.#closed) this.#native.cancelWait(wait)
          if (status !== 0) reject(vectorError(status, this.path, 'waiting for'))
          else if (end === WAIT_REACHED) resolve(true)
          else if (end === WAIT_TIMEOUT) resolve(false)
          else reject(closedError(this.path))
        })
        abort = () => {
          if (!this.#closed) this.#native.cancelWait(wait)
          reject(signal!.reason)
        }
        signal?.addEventListener('abort', abort, { once: true })
      })
    } finally {
      if (abort !== undefined) signal?.removeEventListener('abort', abort)
    }
  }

  /**
   * Resolves when everything that was done before is on the disk. What others change meanwhile may
   * or may not be. The first change after a flush, by anybody, waits for a small sync. Throws
   * RSTORE_IO.
   */
  async flush(): Promise<void> {
    this.#open()
    const status = await this.#native.flush()
    if (status !== 0) throw vectorError(status, this.path, 'flushing')
  }

  /** Gives the handle up; its elements stay. Does not flush. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cells.close()
    this.#native.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  // ── calls ──

  #open(): void {
    if (this.#closed) throw closedError(this.path)
  }

  #put(element: unknown, where: string): void {
    if (this.#codec.scalar === 'f64' && typeof element === 'number' && !this.#closed) {
      this.#doubles[VALUE] = oneNaN(element)
      return
    }
    const checked = this.#codec.check(element, where)
    this.#open()
    this.#codec.write(this.#call, VALUE_BYTE, checked)
  }

  #number(doing: string, run: () => void): number {
    this.#open()
    run()
    this.#check(doing)
    return this.#doubles[INDEX]!
  }

  #copy(first: number, into: ElementArray): void {
    for (let done = 0; done < into.length; done += COPY_ELEMENTS) {
      this.#doubles[INDEX] = first + done
      this.#run.copyOut(into.subarray(done, done + COPY_ELEMENTS))
      this.#check('reading')
    }
  }

  #check(doing: string): void {
    if (this.#words[CODE] !== 0) throw vectorError(this.#status, this.path, doing)
  }

  get #status(): number {
    return this.#words[CODE]! + 256 * this.#words[ERROR]!
  }
}

function checkPath(path: unknown): void {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new TypeError(`path must be a string, not ${show(path)}`)
  }
}

function checkCapacity(bytes: number): number {
  if (bytes < C.MINIMUM_CAPACITY_BYTES || bytes > C.MAXIMUM_CAPACITY_BYTES) {
    throw new RangeError(`capacity must be between 1MiB and 32GiB, not ${bytes} bytes`)
  }
  return bytes
}

function checkIndex(index: unknown): void {
  if (typeof index !== 'number') {
    throw new TypeError(`an index or a size is a number, not ${show(index)}`)
  }
  if (!Number.isInteger(index) || index < 0) {
    throw new RangeError(`an index or a size is a whole number from 0 on, not ${index}`)
  }
}
