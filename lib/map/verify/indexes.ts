/** Whether indexes have what their maps' records give: Y4. */
import type { Catalog } from '../catalog.js'
import type { Entry } from '../directory.js'
import { PairCodec } from '../secondary-index.js'
import type { Work } from './work.js'

/** As far as the index's function is known to this program. */
export function verifyIndex(work: Work, catalog: Catalog, entry: Entry, path: string): void {
  const { session: { registry }, cells, trees, findings } = work
  cells.take(entry.auxiliary, path)
  const codec = new PairCodec(
    registry.typeOf(entry.keyType).key!,
    registry.typeOf(entry.valueType).key!,
  )
  const tree = trees.open(codec.kind, entry.root)
  trees.take(tree, path, false)
  const known = catalog.indexes.of(entry)
  if (known === undefined) return
  let records = 0
  known.map.forEach((value, key) => {
    const form = known.index.formOf(value, key)
    if (form === null) return
    records++
    if (tree.find(form) >= 0) return
    findings.add(
      'INDEX_MISSING',
      entry.root,
      path,
      `${path}: the record with key ${String(key)} is not in the index.`,
    )
  })
  if (records !== tree.size) {
    findings.add(
      'INDEX_SIZE',
      entry.root,
      path,
      `${path}: ${tree.size} entries, but ${records} records to index.`,
    )
  }
}
