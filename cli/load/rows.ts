/** Rows of JSON Lines and of CSV, whatever they are for. */
import { randomInt } from 'node:crypto'
import { CsvSplitter } from '../csv/read.js'
import { cellOf, fieldsOf, type Cell } from '../csv/cells.js'
import type { NameSchema } from '../../lib/index.js'
import { UsageError } from '../shared/errors.js'
import { LineSplitter } from './lines.js'
import { lostNumber, mayLoseNumbers } from './numbers.js'

/** Takes a row, and its number for messages. */
export type TakeJson = (json: unknown, number: number) => void
/** A row that could not even be read. */
export type Refuse = (number: number, reason: string) => void

/** What gives rows out of chunks. */
export interface RowReader {
  /** 'line' or 'row': what the numbers count. */
  readonly unit: string
  push(chunk: Buffer): void
  end(): void
}

/** Stands between lines that are parsed together; nobody can have written it into them. */
const MARK = randomInt(2 ** 30)
const MARKED_NEWLINE = `,${MARK},`

/**
 * Parses lines in one go: one by one takes up to a third longer. Gives their values, and between
 * them the marks; undefined where not every line is a value by itself. For if all marks are found
 * between the values, in their places, then nothing but one value is between two of them.
 */
function parseTogether(text: string): unknown[] | undefined {
  const marked = text.replaceAll('\n', MARKED_NEWLINE)
  const lines = (marked.length - text.length) / (MARKED_NEWLINE.length - 1) + 1
  let list: unknown[]
  try {
    list = JSON.parse(`[${marked}]`)
  } catch {
    return undefined
  }
  if (list.length !== lines * 2 - 1) return undefined
  for (let i = 1; i < list.length; i += 2) if (list[i] !== MARK) return undefined
  return list
}

export class JsonRows implements RowReader {
  readonly unit = 'line'
  private readonly splitter: LineSplitter

  constructor(
    private readonly take: TakeJson, private readonly refuse: Refuse, mostLineBytes?: number,
  ) {
    this.splitter = new LineSplitter((text, first) => this.rows(text, first), refuse, mostLineBytes)
  }

  private rows(text: string, first: number): number {
    const list = mayLoseNumbers(text) ? undefined : parseTogether(text)
    if (list === undefined) {
      const lines = text.split('\n')
      lines.forEach((line, i) => this.row(line, first + i))
      return lines.length
    }
    for (let i = 0; i < list.length; i += 2) this.take(list[i], first + (i >>> 1))
    return (list.length + 1) >>> 1
  }

  private row(line: string, number: number): void {
    let json: unknown
    try {
      json = JSON.parse(number === 1 ? line.replace(/^\ufeff/, '') : line)
    } catch (error) {
      if (line.trim() !== '') this.refuse(number, (error as Error).message)
      return
    }
    const lost = lostNumber(line)
    if (lost === undefined) this.take(json, number)
    else this.refuse(number, lost)
  }

  push(chunk: Buffer): void {
    this.splitter.push(chunk)
  }
  end(): void {
    this.splitter.end()
  }
}

const NUMBER = /^-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/
const WHOLE = /^-?\d+$/

/** Not what would lose something: 007 is a text, and so are digits that no number has all of. */
const isNumber = (text: string): boolean =>
  NUMBER.test(text) && (!WHOLE.test(text) || Number.isSafeInteger(Number(text)))

const isTruth = (text: string): boolean => text === 'true' || text === 'false'

/** How cells of a column are read whose type nobody has declared; nothing is nothing. */
function guess(texts: readonly string[]): (text: string) => unknown {
  const present = texts.filter((text) => text !== '')
  if (present.every(isNumber)) return (text) => text === '' ? undefined : Number(text)
  if (present.every(isTruth)) return (text) => text === '' ? undefined : text === 'true'
  return (text) => text === '' ? undefined : text
}

export class CsvRows implements RowReader {
  readonly unit = 'row'
  private readonly splitter: CsvSplitter
  private readonly decoder = new TextDecoder('utf-8', { fatal: true })
  private cells: readonly Cell[] | undefined

  constructor(private readonly take: TakeJson, private readonly refuse: Refuse) {
    this.splitter = new CsvSplitter((cells, number) => this.row(cells, number))
  }

  /** How cells are read from now on. Throws a UsageError on columns that do not fit. */
  declare(schema: NameSchema, keyFields: readonly string[]): void {
    const missing = keyFields.find((field) => !this.names.includes(field))
    if (missing !== undefined) {
      throw new UsageError(`no column is called ${JSON.stringify(missing)}, which is to be the `
        + `key; there are ${this.names.map((name) => JSON.stringify(name)).join(', ')}`)
    }
    const keyTypes = keyFields.length === 1 ? [schema.key!]
      : (schema.key as { tuple?: NameSchema['value'][] }).tuple ?? []
    const known = new Map([
      ...keyFields.map((field, i) => [field, keyTypes[i]!] as const),
      ...fieldsOf(schema.value) ?? [['value', schema.value] as const],
    ])
    this.cells = this.names.map((name) => {
      const type = known.get(name)
      if (type !== undefined) return cellOf(type, `column ${name}`)
      throw new UsageError(`column ${JSON.stringify(name)} is not in the schema; it has `
        + [...known.keys()].map((field) => JSON.stringify(field)).join(', '))
    })
  }

  /** The cells of a row that came before `declare`, read anew. */
  reread(cells: readonly string[]): unknown {
    return this.objectOf(cells, this.cells!)
  }

  private get names(): readonly string[] {
    return this.splitter.names ?? []
  }

  private row(cells: readonly string[], number: number): void {
    const { names } = this
    if (cells.length !== names.length) {
      this.refuse(number, `it has ${cells.length} cells, the first row has ${names.length} names`)
    } else {
      this.take(this.cells === undefined ? cells : this.reread(cells), number)
    }
  }

  /** Rows as far as they can be understood without types: each column is of one kind. */
  guessed(rows: readonly (readonly string[])[]): unknown[] {
    const readers = this.names.map((_name, i) => ({ read: guess(rows.map((cells) => cells[i]!)) }))
    return rows.map((cells) => this.objectOf(cells, readers))
  }

  private objectOf(cells: readonly string[], readers: readonly Pick<Cell, 'read'>[]): unknown {
    const { names } = this
    const object: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      const value = readers[i]!.read(cells[i]!)
      if (name !== '__proto__') object[name] = value
      else Object.defineProperty(object, name, { value, enumerable: true })
    }
    return object
  }

  push(chunk: Buffer): void {
    this.splitter.push(this.decode(chunk))
  }
  end(): void {
    this.decode()
    this.splitter.end()
  }

  private decode(chunk?: Buffer): string {
    try {
      return this.decoder.decode(chunk, { stream: chunk !== undefined })
    } catch {
      throw new UsageError(`the CSV is not UTF-8, somewhere behind row ${this.splitter.count}`)
    }
  }
}
