/** Numbers in the text of JSON that no number of JavaScript is: they would become others. */

/** Nothing else can have such a number in it, outside of strings; found in no time. */
const LONG = /[:,[\s]-?\d{16}/
const LARGE = /\d[eE]\+?\d{3}/

/** A string, or a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g
const IS_WHOLE = /^-?\d+$/

/** Whether there may be one. It may be in a string, too. */
export const mayLoseNumbers = (text: string): boolean => LONG.test(text) || LARGE.test(text)

/** A whole number that is written as it would be written again has lost nothing. */
function isLost(token: string): boolean {
  const number = Number(token)
  return !Number.isFinite(number) || IS_WHOLE.test(token) && !Number.isSafeInteger(number)
    && String(number) !== token
}

/** What is wrong with the first number that becomes another one; undefined when none does. */
export function lostNumber(json: string): string | undefined {
  if (!mayLoseNumbers(json)) return undefined
  const lost = json.match(TOKEN)?.find((token) => !token.startsWith('"') && isLost(token))
  if (lost === undefined) return undefined
  return IS_WHOLE.test(lost)
    ? `${lost} is a number that would be rounded: write it as a string ("${lost}"), for a field of `
      + 'type u64, i64 or string; or, for an f64, with a fraction (.0)'
    : `${lost} is greater than any number: write it as a string, such as "Infinity" for an f64`
}
