/**
 * What another realm made, as a context of node:vm does, has other classes: `instanceof` and
 * `constructor` do not know it. The engine does, but takes longer to say so.
 */
import { types } from 'node:util'

export const isBytes = (value: unknown): value is Uint8Array =>
  value instanceof Uint8Array || types.isUint8Array(value)

export const isDateObject = (value: unknown): value is Date =>
  value instanceof Date || types.isDate(value)

/** Not by the value's own method, which a class of the user's may have replaced. */
export const timeOf = (value: Date): number => Date.prototype.getTime.call(value)

type Class = abstract new (...args: never) => object
interface Kind { is: (value: unknown) => boolean; own: Class; copy: (value: never) => object }

const TypedArray = Object.getPrototypeOf(Uint8Array) as Class

const KINDS: readonly Kind[] = [
  { is: types.isDate, own: Date, copy: (date: Date) => new Date(timeOf(date)) },
  { is: types.isMap, own: Map, copy: (map: Map<unknown, unknown>) => new Map(map) },
  { is: types.isSet, own: Set, copy: (set: Set<unknown>) => new Set(set) },
  { is: types.isTypedArray, own: TypedArray, copy: localArray },
  { is: types.isRegExp, own: RegExp, copy: (made: RegExp) => new RegExp(made.source, made.flags) },
  { is: types.isNativeError, own: Error, copy: localError },
]

const kindOf = (value: unknown): Kind | undefined => KINDS.find(({ is }) => is(value))

/** Whether it is one of these, but none of this realm's classes. */
export function isForeign(value: unknown): boolean {
  const kind = kindOf(value)
  return kind !== undefined && !(value instanceof kind.own)
}

/** The same as this realm makes it. */
export const localOf = (value: unknown): object => kindOf(value)!.copy(value as never)

function localArray(array: NodeJS.TypedArray): object {
  const own = globalThis[array[Symbol.toStringTag]] as new (from: unknown) => object
  return new own(array)
}

function localError({ name, message, cause }: Error): object {
  return Object.assign(new Error(message, { cause }), { name })
}
