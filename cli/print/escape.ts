/** Text from a file, made safe for a terminal, and for a page that is to show what is there. */

/** Control characters (ANSI sequences begin with one) and those that turn the writing direction. */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]/g

/** Every character that could move the cursor or change what is shown, as `\u{…}`. */
export const escapeText = (text: string): string =>
  text.replace(UNSAFE, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`)
