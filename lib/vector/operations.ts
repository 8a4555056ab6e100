/** What can be done with an open vector: everything of SharedVector but opening it. */
import { inspect } from 'node:util'
import { C, VectorCall } from '../../formats/index.js'
import { GatheredCalls } from '../native/gathered-calls.js'
import { checkTimeout } from '../region/base/options.js'
import { checkOptionNames } from '../types/options.js'
import { jsonOf } from '../types/struct/view.js'
import { show } from '../types/text.js'
import type { Cells, CellSource } from './cells.js'
import { checkArray, oneNaN, type Codec, type ElementArray } from './element.js'
import { closedError, vectorError } from './errors.js'
import type { NativeVector, OpenedVector } from './native.js'
import { checkIndex, type VectorRecovery, type WaitOptions } from './options.js'
import { SizeWaits } from './waits.js'

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

/** What a vector is made of. */
interface Opened {
  readonly path: string
  readonly codec: Codec
  readonly native: NativeVector
  readonly run: OpenedVector
  readonly Cells: new (source: CellSource) => Cells
}

/** For the classes of vectors alone, which read cells themselves. */
export let cellsOf: (vector: VectorOperations<any, any>) => Cells

export abstract class VectorOperations<V, I> implements Disposable {
  /** As given. */
  readonly path: string
  /** Elements that fit. */
  readonly capacity: number
  /** Null unless the machine was started anew since the vector was last open. */
  readonly recovery: VectorRecovery | null
  readonly #codec: Codec
  readonly #cells: Cells
  readonly #waits: SizeWaits
  readonly #native: NativeVector
  readonly #flushes: GatheredCalls
  readonly #run: OpenedVector
  readonly #call: DataView
  readonly #doubles: Float64Array
  readonly #words: Uint32Array
  #closed = false

  static {
    cellsOf = (vector) => vector.#cells
  }

  /** Not to be called: create() and open() do. */
  protected constructor(opened: Opened) {
    const { path, codec, native, run } = opened
    this.path = path
    this.capacity = run.capacity
    this.recovery = run.recovered
      ? { flushedSize: run.flushedSize, size: run.foundSize, flushed: !run.unflushed }
      : null
    this.#codec = codec
    this.#native = native
    this.#flushes = new GatheredCalls(() => native.flush())
    this.#run = run
    this.#call = new DataView(run.call)
    this.#doubles = new Float64Array(run.call)
    this.#words = new Uint32Array(run.call)
    this.#cells = new opened.Cells({
      codec,
      control: new Uint32Array(run.control),
      window: (index, bytes) => native.window(index, bytes),
      provided: () => this.#askNumber('reading', () => run.provided()),
      check: (index) => {
        checkIndex(index)
        this.#assertOpen()
      },
    })
    this.#waits = new SizeWaits(path, native, () => this.size)
  }

  /** How many elements there are. */
  get size(): number {
    const size = this.#askNumber('reading', () => this.#run.size())
    this.#cells.reach(size)
    return size
  }

  /**
   * Appends an element and gives its index. Throws RSTORE_REGION_FULL or RSTORE_NO_SPACE; then
   * nothing was appended.
   */
  push(element: I): number {
    this.#putElement(element, 'push')
    this.#run.push()
    this.#checkCall('appending to')
    const index = this.#doubles[INDEX]!
    this.#cells.reach(index + 1)
    return index
  }

  /**
   * Appends numbers, in pieces of up to 126 whose elements stay next to each other; between two
   * pieces others may append. The array is of the kind of the elements (booleans: a Uint8Array of 0
   * and 1). When it throws RSTORE_REGION_FULL or RSTORE_NO_SPACE, `facts.pushed` says how many
   * elements were appended.
   */
  pushMany(elements: ArrayBufferView): void {
    checkArray(this.#codec, elements)
    this.#assertOpen()
    this.#pushElements(elements)
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
    this.#assertOpen()
    return this.#pushElements(new Uint8Array(view.buffer, 0, checked.length * bytes))
  }

  /** The index of the first. */
  #pushElements(elements: ArrayBufferView): number {
    this.#run.pushMany(elements)
    const pushed = this.#doubles[COUNT]!
    if (this.#words[CODE] !== 0) throw this.#callError('appending to', pushed)
    const first = this.#doubles[INDEX]!
    this.#cells.reach(first + pushed)
    return first
  }

  /** Takes the last element out; undefined when there is none. */
  pop(): V | undefined {
    this.#assertOpen()
    this.#run.pop()
    this.#checkCall('popping from')
    return this.#words[FOUND] === 0
      ? undefined : this.#codec.read(this.#call, VALUE_BYTE) as V
  }

  /**
   * The element at an index, undefined from the size on. Costs one read of a typed array, for zero,
   * NaN and bigints some more. On arm64 two calls for different elements may take effect in either
   * order.
   */
  abstract get(index: number): V | undefined

  /** Replaces an element. A RangeError when there is none at the index (any more). */
  set(index: number, element: I): void {
    checkIndex(index)
    this.#putElement(element, 'set')
    this.#doubles[INDEX] = index
    this.#run.set()
    this.#checkCall('writing to')
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
    this.#assertOpen()
    codec.write(this.#call, EXPECTED_BYTE, checkedExpected)
    codec.write(this.#call, VALUE_BYTE, checkedNext)
    this.#doubles[INDEX] = index
    this.#run.compareAndSet()
    this.#checkCall('writing to')
    return this.#words[FOUND] === 1
  }

  /** Makes room on the disk for so many elements in all, so that pushes up to there find it. */
  reserve(elements: number): void {
    checkIndex(elements)
    this.#assertOpen()
    this.#doubles[INDEX] = elements
    this.#run.reserve()
    this.#checkCall('reserving in')
  }

  /**
   * Copies of all elements, one array for each bucket of the file (8 elements, 16, 32 …). Copies,
   * because an element lies beside the tag that makes changes of it safe. Each element is as it was
   * at some moment during the call; they end early where elements were popped meanwhile.
   */
  asTypedArrays(): ElementArray[] {
    const { array } = this.#codec
    if (array === undefined) throw new TypeError('asTypedArrays: the elements are no numbers')
    const arrays: ElementArray[] = []
    const { size } = this
    for (let first = 0, length = FIRST_BUCKET; first < size; first += length, length *= 2) {
      const copy = new array(Math.min(length, size - first))
      const copied = this.#copyElements(first, copy)
      if (copied > 0) arrays.push(copied < copy.length ? copy.slice(0, copied) : copy)
      if (copied < copy.length) break
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

  /** The elements that are there now. */
  toJSON(): unknown {
    return Array.from(this, jsonOf)
  }

  /**
   * Resolves to true as soon as there have been `size` elements, to false when that took too long.
   * Sleeps on a thread of its own; nobody polls. Rejects with the reason of `signal`, and with
   * RSTORE_CLOSED when the vector is closed.
   */
  async waitForSize(size: number, options: WaitOptions = {}): Promise<boolean> {
    checkIndex(size)
    checkOptionNames(options, 'waitForSize', ['timeoutMs', 'signal'])
    const { timeoutMs, signal } = options
    const timeout = timeoutMs === undefined ? undefined : checkTimeout(timeoutMs)
    if (size > this.capacity) {
      throw new RangeError(`waitForSize: ${size} elements do not fit; the capacity is `
        + `${this.capacity}`)
    }
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new TypeError(`waitForSize: signal must be an AbortSignal, not ${show(signal)}`)
    }
    signal?.throwIfAborted()
    this.#assertOpen()
    return this.#waits.wait(size, timeout, signal)
  }

  /**
   * Resolves when everything that was done before is on the disk. What others change meanwhile may
   * or may not be. The first change after a flush, by anybody, waits for a small sync. Throws
   * RSTORE_IO.
   */
  async flush(): Promise<void> {
    this.#assertOpen()
    const status = await this.#flushes.call()
    if (status !== 0) throw vectorError(status, this.path, 'flushing')
  }

  /** Gives the handle up; its elements stay. Does not flush. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cells.leave()
    this.#waits.close()
    this.#flushes.end()
    this.#native.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** What console.log shows. @internal */
  [inspect.custom](): string {
    return `SharedVector <${this.path}>`
  }

  // ── calls ──

  #assertOpen(): void {
    if (this.#closed) throw closedError(this.path)
  }

  #putElement(element: unknown, where: string): void {
    if (this.#codec.scalar === 'f64' && typeof element === 'number' && !this.#closed) {
      this.#doubles[VALUE] = oneNaN(element)
      return
    }
    const checked = this.#codec.check(element, where)
    this.#assertOpen()
    this.#codec.write(this.#call, VALUE_BYTE, checked)
  }

  #askNumber(doing: string, run: () => void): number {
    this.#assertOpen()
    run()
    this.#checkCall(doing)
    return this.#doubles[INDEX]!
  }

  /** How many elements were there. */
  #copyElements(first: number, into: ElementArray): number {
    let done = 0
    for (let count = COPY_ELEMENTS; count === COPY_ELEMENTS && done < into.length; done += count) {
      this.#doubles[INDEX] = first + done
      this.#run.copyOut(into.subarray(done, done + COPY_ELEMENTS))
      this.#checkCall('reading')
      count = this.#doubles[COUNT]!
    }
    return done
  }

  #checkCall(doing: string): void {
    if (this.#words[CODE] !== 0) throw this.#callError(doing)
  }

  #callError(doing: string, pushed?: number): Error {
    const cells: Cells | undefined = this.#cells  // none yet while the vector is being opened
    cells?.leave()
    const status = this.#words[CODE]! + 256 * this.#words[ERROR]!
    return vectorError(status, this.path, doing, pushed)
  }
}
