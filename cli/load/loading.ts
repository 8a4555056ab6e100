/**
 * Rows into a region. The first of them say what is loaded: a dump, whose first line has the types;
 * or rows for one map, whose types are declared, known from the map, or told from these rows.
 *
 *  - `feed` and `finish` are called inside transactions, `feed` in as many as one likes.
 *  - Rows that cannot be stored are told with their number. Without `skipBad` the first one ends
 *    it, by a throw that undoes the transaction.
 */
import {
  Importer, RStoreError, schemaOf, type DumpHead, type NameSchema, type Region,
} from '../../lib/index.js'
import { escapeText } from '../print/escape.js'
import { printError } from '../print/output.js'
import { typeText } from '../read/type-text.js'
import { asUsage, UsageError } from '../shared/errors.js'
import { inferSchema, isObject } from './infer.js'
import { CsvRows, JsonRows, type RowReader } from './rows.js'
import { headOf, isHead, readSchema } from './schema.js'

export interface LoadingOptions {
  format: 'jsonl' | 'csv'
  map: string | undefined
  /** Fields that are the key; none for a dump. */
  keyFields: readonly string[]
  /** A file. */
  schema: string | undefined
  skipBad: boolean
}

export interface Loaded {
  /** Entries stored, whether they are new or take the place of others. */
  loaded: number
  replaced: number
  skipped: number
}

/** Rows that types are told from. */
const SAMPLE_ROWS = 10_000
/** Rows that are told one by one; then only their number. */
const TOLD_ROWS = 1000

/** What a row can be guilty of; everything else ends the loading. */
const ROW_CODES = new Set<string>([
  'RSTORE_KEY_TOO_LONG', 'RSTORE_UNIQUE', 'RSTORE_FOREIGN_REF', 'RSTORE_TYPE_MISMATCH',
])

/** A row of the sample; with a reason instead of content it could not be read. */
interface Row { json: unknown; number: number; reason?: string }

const isRowsFault = (error: unknown): error is Error =>
  error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError
  || (error instanceof RStoreError && ROW_CODES.has(error.code))

const isTooDeep = (error: Error): boolean =>
  error instanceof RangeError && error.message.startsWith('Maximum call stack')

/** One field may be a tuple by itself; several are one. */
function checkKeyFields({ name, key }: NameSchema, fields: readonly string[]): void {
  const parts = (key as { tuple?: readonly unknown[] }).tuple?.length ?? 1
  if (fields.length === 1 || fields.length === parts) return
  throw new UsageError(`--key ${fields.join(',')}: ${fields.length} fields, but keys of `
    + `${JSON.stringify(name)} are of type ${typeText(key)}`)
}

export class Loading {
  private readonly reader: RowReader
  private sample: Row[] | undefined = []
  private importer: Importer | undefined
  private names: readonly string[] = []
  private sizeBefore = 0
  private loaded = 0
  private skipped = 0
  /** Says whether it was an entry. */
  private store: (json: unknown) => boolean = () => false

  constructor(private readonly region: Region, private readonly options: LoadingOptions) {
    const take = (json: unknown, number: number): void => this.take(json, number)
    const refuse = (number: number, reason: string): void => this.refuse(number, reason)
    this.reader = options.format === 'csv'
      ? new CsvRows(take, refuse) : new JsonRows(take, refuse)
  }

  feed(chunk: Buffer): void {
    this.reader.push(chunk)
    this.importer?.pause()
  }

  /** Throws a UsageError when there was nothing to load. */
  finish(): Loaded {
    this.reader.end()
    this.begin()
    const { importer, loaded, skipped } = this
    const report = asUsage('the schema', () => importer!.finish())
    for (const { map, index } of report.missingIndexes) {
      printError(escapeText(`rstore: index ${JSON.stringify(index)} of ${JSON.stringify(map)} is `
        + 'by a function: the program has to declare it'))
    }
    if (skipped > TOLD_ROWS) printError(`rstore: … ${skipped} bad rows in all`)
    const added = this.sizeNow() - this.sizeBefore
    return { loaded, replaced: Math.max(0, loaded - added), skipped }
  }

  private sizeNow(): number {
    return this.names.reduce((sum, name) => sum + this.importer!.sizeOf(name), 0)
  }

  private take(json: unknown, number: number): void {
    const { sample } = this
    if (sample === undefined) return this.add(json, number)
    sample.push({ json, number })
    if (isHead(json) || sample.length === SAMPLE_ROWS) this.begin()
  }

  private add(json: unknown, number: number): void {
    try {
      if (this.store(json)) this.loaded++
    } catch (error) {
      if (!isRowsFault(error)) throw error
      this.tell(number, isTooDeep(error) ? 'it is nested too deeply' : error.message)
    }
  }

  /** In the order of the rows: so not before the sample is stored. */
  private refuse(number: number, reason: string): void {
    if (this.sample !== undefined) this.sample.push({ json: undefined, number, reason })
    else this.tell(number, reason)
  }

  private tell(number: number, reason: string): void {
    const { unit } = this.reader
    if (!this.options.skipBad) {
      throw new UsageError(`${unit} ${number}: ${reason}\n`
        + `Nothing was loaded. --skip-bad leaves such ${unit}s out.`)
    }
    if (++this.skipped <= TOLD_ROWS) printError(escapeText(`${unit} ${number}: ${reason}`))
  }

  /** When there are rows enough to tell what is loaded, or no more of them. */
  private begin(): void {
    const { sample } = this
    if (sample === undefined) return
    this.sample = undefined
    const [first] = sample
    if (isHead(first?.json)) {
      this.open(this.headFor(first.json))
      this.store = (json) => this.importer!.add(json)
      sample.shift()
    } else {
      this.beginRows(sample)
    }
    const { reader } = this
    for (const { json, number, reason } of sample) {
      if (reason !== undefined) this.tell(number, reason)
      else this.add(reader instanceof CsvRows ? reader.reread(json as string[]) : json, number)
    }
  }

  private headFor(head: DumpHead): DumpHead {
    const { keyFields, map, schema } = this.options
    if (keyFields.length > 0 || schema !== undefined || map !== undefined) {
      throw new UsageError('this is a dump, which says itself what it has: leave out --map, --key '
        + 'and --schema')
    }
    return head
  }

  private beginRows(sample: readonly Row[]): void {
    const { keyFields, map } = this.options
    if (map === undefined || keyFields.length === 0) {
      throw new UsageError('the input is no dump: say into which map with --map, and with --key '
        + 'which field is the key')
    }
    const schema = this.schemaFor(map, sample)
    checkKeyFields(schema, keyFields)
    if (this.reader instanceof CsvRows) this.reader.declare(schema, keyFields)
    this.open(headOf(schema))
    const store = this.importer!.rows(map, keyFields)
    this.store = (json) => {
      store(json)
      return true
    }
  }

  private schemaFor(map: string, sample: readonly Row[]): NameSchema {
    const { keyFields, schema } = this.options
    if (schema !== undefined) return readSchema(schema, map)
    if (this.region.names().some(({ name }) => name === map)) {
      const stored = schemaOf(this.region, map)
      if (stored.kind === 'map') return { ...stored, indexes: [] }
      throw new UsageError(`${JSON.stringify(map)} is a ${stored.kind}: rows go into maps`)
    }
    const { reader } = this
    const given = sample.filter(({ reason }) => reason === undefined).map(({ json }) => json)
    const isCsv = reader instanceof CsvRows
    const rows = isCsv ? reader.guessed(given as string[][]) : given
    if (!rows.some(isObject)) this.refuseSample(sample)
    const inferred = inferSchema(map, keyFields, rows, isCsv ? 'string' : 'json')
    const { key, value } = inferred
    printError(escapeText(`schema, as the first ${rows.length} rows have it: `
      + JSON.stringify({ key, value })))
    return inferred
  }

  /** When there is not one row that could be stored. */
  private refuseSample([first]: readonly Row[]): never {
    const why = 'there is no row to tell the types from: declare them with --schema'
    if (first === undefined) throw new UsageError(why)
    const { number, reason = 'it is not an object' } = first
    throw new UsageError(`${this.reader.unit} ${number}: ${reason}\nSo ${why}`)
  }

  private open(head: DumpHead): void {
    this.importer = asUsage('the schema', () => new Importer(this.region, head))
    this.names = head.names.map(({ name }) => name)
    this.sizeBefore = this.sizeNow()
  }
}
