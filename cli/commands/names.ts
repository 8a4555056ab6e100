/** `rstore names`: what there is, in a region or in a store. */
import type { Argv } from 'yargs'
import { JsonMap, schemasOf, Store, type ReadRegion } from '../../lib/index.js'
import { safeJson } from '../print/json.js'
import { print } from '../print/output.js'
import { numeric, tableLines } from '../print/table.js'
import { formatBytes, formatCount } from '../print/units.js'
import { typeText } from '../read/type-text.js'
import type { ArgumentsOf } from '../shared/command.js'
import { FILE, jsonOption } from '../shared/options.js'
import { isStoreFolder, withRegion } from '../shared/source.js'

export const options = (yargs: Argv) => jsonOption(yargs, 'One JSON document, with whole types')
  .positional('file', { ...FILE, describe: `${FILE.describe}; or DIR itself` })
  .example('$0 names cities.region', 'Maps, multimaps and values with their types')
  .example('$0 names shop/', 'The regions of a store')

function printStore(folder: string, json: boolean): void {
  const store = Store.open(folder, { readOnly: true })
  try {
    const list = store.list()
    if (json) return print(safeJson(list, 2))
    print(tableLines(
      [{ title: 'name' }, { title: 'kind' }, numeric('id'), numeric('references'), numeric('size')],
      list.map(({ name, kind, id, references, bytes }) =>
        [name ?? '', kind, String(id), formatCount(references), formatBytes(bytes)])).join('\n'))
  } finally {
    store.close()
  }
}

function namesOf(region: ReadRegion) {
  const sizes = new Map(region.names().map(({ name, size }) => [name, size]))
  return schemasOf(region).map((schema) => ({
    ...schema, entries: sizes.get(schema.name) ?? JsonMap.open(region, schema.name).size,
  }))
}

function printRegion(region: ReadRegion, json: boolean): void {
  const names = namesOf(region)
  if (json) return print(safeJson(names, 2))
  if (names.length === 0) return print('No names.')
  const rows = names.map(({ name, kind, key, value, entries, indexes }) => [
    name, kind, key === undefined ? '' : typeText(key), typeText(value), formatCount(entries),
    (indexes ?? []).map((index) => index.name).join(', '),
  ])
  print(tableLines(
    [{ title: 'name' }, { title: 'kind' }, { title: 'key' }, { title: 'value' },
      numeric('entries'), { title: 'indexes' }], rows).join('\n'))
}

export function run({ file, json }: ArgumentsOf<typeof options>): void {
  if (isStoreFolder(file)) printStore(file, json)
  else withRegion(file, (region) => printRegion(region, json))
}
