/** A store for people. */
import type { StoreInspection } from '../read/store.js'
import { problemsText } from './inspection.js'
import { numeric, section, tableLines } from './table.js'
import { formatBytes, formatCount } from './units.js'

const sizeText = (bytes: number | undefined): string =>
  bytes === undefined ? 'MISSING' : formatBytes(bytes)

export function storeText(store: StoreInspection): string {
  const { folder, regions, strangers } = store
  const rows = regions.map(({ id, name, kind, references, fileBytes, diskBytes, file }) => [
    String(id), name ?? '–', kind, formatCount(references), sizeText(fileBytes),
    sizeText(diskBytes), file,
  ])
  const table = tableLines([
    numeric('id'), { title: 'name' }, { title: 'kind' }, numeric('named'), numeric('length'),
    numeric('on the disk'), { title: 'file' },
  ], rows)
  return [
    section(`store ${folder}: ${formatCount(regions.length)} regions`, table),
    ...strangers.length === 0 ? []
      : [section('files that the catalog does not know', tableLines([{ title: 'file' }],
        strangers.map((file) => [file])))],
    problemsText(store),
  ].join('\n\n')
}
