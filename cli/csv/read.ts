/** Rows out of CSV text that comes in pieces. */
import Papa from 'papaparse'
import { UsageError } from '../shared/errors.js'

/** Gets the cells of a row and its number, from 1 on, the row of names left out. */
export type TakeRow = (cells: readonly string[], number: number) => void

/** What Papa Parse gives of a piece. */
interface Parsed { data: string[][]; errors: { message: string }[]; meta: { cursor: number } }

/** Of two columns with one name, one would be lost. */
function differing(names: readonly string[]): readonly string[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice === undefined) return names
  throw new UsageError(`CSV: two columns are called ${JSON.stringify(twice)}`)
}

/** No row that is meant as one is longer; behind a quote that is not closed everything is. */
const MOST_ROW_CHARS = 64 << 20

/** What ends a line: programs from before Mac OS X write the last. */
type Newline = '\n' | '\r\n' | '\r'

/** @param end the last character of what ends one */
function linesIn(text: string, end: string): number {
  let count = 0
  for (let at = -1; (at = text.indexOf(end, at + 1)) >= 0;) count++
  return count
}

/** Behind the quote that closes a field; -1 where none does. */
function endOfQuoted(text: string, from: number): number {
  for (let at = from; (at = text.indexOf('"', at)) >= 0; at += 2) {
    if (text[at + 1] !== '"') return at + 1
  }
  return -1
}

/**
 * What ends lines, by the first LF outside of fields in quotes; CR alone where there is no LF in
 * what has come so far. Undefined where more of the text has to be seen.
 */
function newlineOf(text: string, isLast: boolean): Newline | undefined {
  let hasCr = false
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\n') return text[at - 1] === '\r' ? '\r\n' : '\n'
    hasCr ||= text[at] === '\r' && (isLast || at + 1 < text.length)
    if (text[at] !== '"' || (at > 0 && !',\r'.includes(text[at - 1]!))) continue
    const end = endOfQuoted(text, at + 1)
    if (end < 0) break
    at = end - 1
  }
  if (hasCr) return '\r'
  return isLast ? '\n' : undefined
}

/** Where a field in quotes begins that does not end; 0 where there is none. */
function openFieldIn(text: string, newlineEnd: string): number {
  for (let at = 0; (at = text.indexOf('"', at)) >= 0;) {
    const begin = at++
    if (begin > 0 && text[begin - 1] !== ',' && text[begin - 1] !== newlineEnd) continue
    at = endOfQuoted(text, at)
    if (at < 0) return begin
  }
  return 0
}

export class CsvSplitter {
  names: readonly string[] | undefined
  private rest = ''
  /** Rows that were taken, without that of the names. */
  count = 0
  private newline: Newline | undefined
  /** Lines before `rest`. */
  private lines = 0

  constructor(
    private readonly take: TakeRow, private readonly mostRowChars = MOST_ROW_CHARS,
  ) {}

  push(text: string): void {
    this.split(this.rest + text, false)
  }

  end(): void {
    this.split(this.rest, true)
  }

  /** The last row of a piece may go on in the next one, so it waits. */
  private split(text: string, isLast: boolean): void {
    this.newline ??= newlineOf(text, isLast)
    if (this.newline === undefined) this.rest = text
    else this.splitBy(this.newline, text, isLast)
    this.refuseLong()
  }

  private splitBy(newline: Newline, text: string, isLast: boolean): void {
    const parser = new Papa.Parser({ delimiter: ',', newline })
    const { data, errors, meta } = parser.parse(text, 0, !isLast) as Parsed
    const [error] = errors
    if (isLast && error !== undefined) {
      throw new UsageError(`CSV: ${error.message}, behind row ${this.count + data.length - 1}`)
    }
    this.rest = isLast ? '' : text.slice(meta.cursor)
    this.lines += linesIn(text.slice(0, meta.cursor), newline.at(-1)!)
    for (const cells of data) {
      if (cells.length === 1 && cells[0] === '') continue
      if (this.names === undefined) this.names = differing(cells)
      else this.take(cells, ++this.count)
    }
  }

  /** What has to wait for its end is kept, and read again with each piece. */
  private refuseLong(): void {
    const { rest, lines, mostRowChars } = this
    if (rest.length <= mostRowChars) return
    const end = this.newline?.at(-1) ?? '\n'
    const line = lines + linesIn(rest.slice(0, openFieldIn(rest, end)), end) + 1
    throw new UsageError(`CSV: the row with the field that begins in line ${line} is longer than `
      + `${mostRowChars} characters: is a quote not closed?`)
  }
}
