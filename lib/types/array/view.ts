/**
 * Arrays whose elements are not plain numbers, read in place: each element when it is asked for.
 *
 * Elements are also there under their numbers. They cannot be accessors, for there is no end of
 * numbers; so a Proxy at the end of the prototype chain answers for whatever name nothing before it
 * has. `length`, `at` and iteration never come so far and are as fast as in any class; `view[i]`
 * costs several times `view.at(i)`.
 */
import { inspect, type InspectOptions } from 'node:util'
import { throwStale } from '../context.js'
import { withRefsAsNumbers } from '../ref/numbers.js'
import { shownList } from '../shown.js'
import { jsonOf } from '../struct/view.js'
import type { Core, SlotReader } from '../type.js'

const isIndex = (name: string | symbol): boolean =>
  typeof name === 'string' && /^\d{1,10}$/.test(name)

const numbered = new Proxy(Object.create(null) as object, {
  get(_target, name, receiver: ArrayCells): unknown {
    return isIndex(name) ? receiver.at(Number(name)) : undefined
  },
  has: (_target, name) => isIndex(name),
  /** Without it the element would become a property of the view, and nothing would be stored. */
  set(_target, name) {
    throw new TypeError(isIndex(name)
      ? `element ${String(name)} of an array cannot be assigned: assign to a record's fields in it `
        + '(list.at(i).field = …), or a new array to the field that the array is in'
      : `${String(name)} is no property of an array of a region`)
  },
})

export class ArrayCells implements Iterable<unknown> {
  readonly length: number
  readonly #core: Core
  readonly #read: SlotReader
  readonly #stride: number
  readonly #plain: (value: unknown) => unknown

  constructor(
    core: Core, first: number, length: number, stride: number, read: SlotReader,
    plain: (value: unknown) => unknown,
  ) {
    this.length = length
    this.#core = core
    this.#first = first
    this.#stride = stride
    this.#read = read
    this.#plain = plain
  }
  readonly #first: number

  /** The element at an index; negative ones count from the end. */
  at(index: number): unknown {
    const core = this.#core
    const { lease } = core
    if (!lease.live || core.window.i32[core.cell + 1] !== core.stamp) throwStale(lease, 'an array')
    let i = Math.trunc(index)
    if (i < 0) i += this.length
    if (!(i >= 0 && i < this.length)) return undefined
    const value = this.#read(core, this.#first + i * this.#stride)
    if (lease.faults[0] !== 0) lease.session.leave()
    return value
  }

  *[Symbol.iterator](): IterableIterator<unknown> {
    for (let i = 0; i < this.length; i++) yield this.at(i)
  }

  /** A plain copy. */
  static plain(list: ArrayCells): unknown[] {
    return withRefsAsNumbers(() => Array.from(list, list.#plain))
  }
  toJSON(): unknown {
    return jsonOf(ArrayCells.plain(this))
  }
  [inspect.custom](depth: number, options: InspectOptions): string {
    const list = { size: this.length, elements: () => this }
    return shownList('ArrayView', depth, options, list,
      (first) => first.map((value) => this.#plain(value)))
  }
}
Object.setPrototypeOf(ArrayCells.prototype, numbered)
