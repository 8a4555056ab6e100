import { escapeText } from '../print/escape.js'

/**
 * HTML in which nothing that was put in can be anything but text: every value is escaped, other
 * than what is markup itself.
 */
export class Markup {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;',
}

/** For text between tags and in quoted attributes. */
export const escapeHtml = (text: string): string =>
  escapeText(text).replace(/[&<>"']/g, (char) => ENTITIES[char]!)

type Value = string | number | bigint | Markup | readonly Markup[]

const textOf = (value: Value): string => {
  if (value instanceof Markup) return value.text
  return Array.isArray(value) ? value.join('') : escapeHtml(String(value))
}

/** Markup; what stands in it is escaped unless it is markup. Attributes have to be quoted. */
export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Markup =>
  new Markup(parts.map((part, i) => i === 0 ? part : textOf(values[i - 1]!) + part).join(''))

export const NOTHING = new Markup('')

/** JSON that can stand in a script element. */
export const embeddedJson = (value: unknown): Markup =>
  new Markup(JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) =>
    `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`))
