/** Objects of options: every call that takes one looks at it in the same way. */
import { show } from './text.js'

/** A misspelt option would be left out without a word, and a number in its place, too. */
export function checkOptionNames(
  options: unknown, where: string, known: readonly string[],
): asserts options is object {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${where}: options must be an object, not ${show(options)}`)
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new TypeError(`${where}: ${unknown} is no option; there are ${known.join(', ')}`)
  }
}
