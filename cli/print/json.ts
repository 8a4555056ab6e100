/** JSON for a terminal. */

/** What JSON.stringify leaves as it is, and a terminal might obey: see escape.ts. */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]/g

/** Text that is JSON with such characters as \uXXXX, which means the same. */
export const safeText = (text: string): string => text.replace(UNSAFE, (char) =>
  `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** JSON of a value, with such characters as \uXXXX. */
export const safeJson = (value: unknown, indent?: number): string =>
  safeText(JSON.stringify(value, undefined, indent))
