/** A map as CSV: a row of names, then a row for each entry, with the key in the first column. */
import Papa from 'papaparse'
import { JsonMap, type Descriptor, type ReadRegion } from '../../lib/index.js'
import { UsageError } from '../shared/errors.js'
import { cellOf, fieldsOf } from './cells.js'

/** An empty line is no row for whoever reads it. */
function row(cells: readonly string[]): string {
  if (cells.length > 1 || cells[0] !== '') return Papa.unparse([[...cells]])
  throw new UsageError('CSV cannot tell an empty key that is all of a row from nothing; use JSON '
    + 'Lines')
}

/** A column that no field is called like. */
function keyColumn(names: readonly string[]): string {
  let name = 'key'
  while (names.includes(name)) name = `$${name}`
  return name
}

/** A name in JSON, where one that begins with $ has another one in front. */
const jsonName = (name: string): string => name.startsWith('$') ? `$${name}` : name

function columnsOf(name: string, value: Descriptor) {
  const fields = fieldsOf(value)
  if (fields === undefined) {
    const cell = cellOf(value, `the value of ${name}`)
    return { names: ['value'], write: (json: unknown) => [cell.write(json)] }
  }
  const cells = fields.map(([field, type]) =>
    ({ name: jsonName(field), cell: cellOf(type, `field ${field} of ${name}`) }))
  return {
    names: fields.map(([field]) => field),
    write: (json: unknown) => cells.map((column) =>
      column.cell.write((json as Record<string, unknown>)[column.name])),
  }
}

const PROGRESS_ROWS = 4096

/**
 * Throws a UsageError for what CSV does not have, before anything is given. `onProgress` is told
 * now and then how many rows were given, of how many.
 */
export function* csvLines(
  region: ReadRegion, name: string, onProgress: (done: number, total: number) => void,
): IterableIterator<string> {
  const map = JsonMap.open(region, name)
  const { kind, key, value } = map.schema
  if (kind === 'value') throw new UsageError(`${name} is a single value: CSV has maps`)
  const keyCell = cellOf(key!, `the key of ${name}`)
  const { names, write } = columnsOf(name, value)
  yield row([keyColumn(names), ...names])
  const { size } = map
  let done = 0
  for (const [entryKey, json] of map.entries()) {
    if (++done % PROGRESS_ROWS === 0) onProgress(done, size)
    yield row([keyCell.write(entryKey), ...write(json)])
  }
}
