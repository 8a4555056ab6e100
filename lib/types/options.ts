/** Objects of options: every call that takes one looks at it in the same way. */
import { show } from './text.js'

/** Whether an object has no options because it is something else: an array, a Map, a Date. */
export const isNoOptions = (object: object): boolean => Symbol.iterator in object
  || Object.prototype.toString.call(object) !== '[object Object]'

/** A misspelt option would be left out without a word, and a number in its place, too. */
export function checkOptionNames(
  options: unknown, where: string, known: readonly string[],
): asserts options is object {
  if (typeof options !== 'object' || options === null || isNoOptions(options)) {
    throw new TypeError(`${where}: options must be an object, not ${show(options)}`)
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new TypeError(`${where}: ${unknown} is no option; there are ${known.join(', ')}`)
  }
}
