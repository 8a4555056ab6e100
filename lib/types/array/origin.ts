/**
 * Where typed arrays that reading gave are from, for `editArray`: a private field of the array
 * itself. A WeakMap would say the same, but costs a microsecond for each array that is read, and
 * the garbage collector more.
 */
import type { Core } from '../type.js'

/** Whoever extends it adds its fields to the object that is given, instead of to a new one. */
class Given {
  constructor(given: object) {
    return given
  }
}

class Origin extends Given {
  readonly #core: Core

  constructor(array: object, core: Core) {
    super(array)
    this.#core = core
  }

  static of(array: object): Core | undefined {
    return #core in array ? (array as Origin).#core : undefined
  }
}

/** Gives `array`, which was just made, its origin. */
export function originating<A extends object>(array: A, core: Core): A {
  new Origin(array, core)
  return array
}

/** The core of the cell that a typed array was read from; undefined for any other. */
export const originOf = (array: object): Core | undefined => Origin.of(array)
