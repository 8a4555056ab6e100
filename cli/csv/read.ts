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

export class CsvSplitter {
  names: readonly string[] | undefined
  private rest = ''
  /** Rows that were taken, without that of the names. */
  count = 0
  private newline: '\n' | '\r\n' | undefined

  constructor(private readonly take: TakeRow) {}

  push(text: string): void {
    this.split(this.rest + text, false)
  }

  end(): void {
    this.split(this.rest, true)
  }

  /** The last row of a piece may go on in the next one, so it waits. */
  private split(text: string, isLast: boolean): void {
    this.newline ??= /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n'
    const parser = new Papa.Parser({ delimiter: ',', newline: this.newline })
    const { data, errors, meta } = parser.parse(text, 0, !isLast) as Parsed
    const [error] = errors
    if (isLast && error !== undefined) {
      throw new UsageError(`CSV: ${error.message}, behind row ${this.count + data.length - 1}`)
    }
    this.rest = isLast ? '' : text.slice(meta.cursor)
    for (const cells of data) {
      if (cells.length === 1 && cells[0] === '') continue
      if (this.names === undefined) this.names = differing(cells)
      else this.take(cells, ++this.count)
    }
  }
}
