/** The names that a region has, and everything that they own. */
import { C } from '../../../formats/index.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import type { Catalog } from '../catalog.js'
import { nameInCell, type Entry } from '../directory.js'
import type { Graph } from './graph.js'
import { verifyIndex } from './indexes.js'
import type { Work } from './work.js'

export function verifyNames(work: Work, graph: Graph, catalog: Catalog | undefined): void {
  const { session, cells, trees, findings } = work
  const { catalog: root, catalogIsCell } = work.ground
  if (root === undefined || catalog === undefined) return
  findings.guard('catalog', root, () => {
    trees.take(
      trees.open('bytes', root),
      'catalog',
      !catalogIsCell,
      (window, at) => void cells.take(window.u32[at]!, 'catalog'),
    )
    for (const entry of catalog.directory.list()) {
      const path = entry.name.replace('\0', ' index ')
      findings.guard(path, entry.root, () => {
        const second = nameInCell(session.space.windowOf(entry.ref), entry.ref)
        if (second !== '' && second !== entry.name)
          findings.add('CATALOG', entry.ref, path, `${path}: its entry has another name.`)
        if (entry.kind === C.ENTRY_INDEX) verifyIndex(work, catalog, entry, path)
        else verifyEntry(work, graph, entry, path)
      })
    }
  })
}

function verifyEntry(
  { session: { registry }, cells }: Work, graph: Graph, entry: Entry, path: string,
): void {
  const value = registry.typeOf(entry.valueType)
  if (entry.kind === C.ENTRY_VALUE)
    return entry.root === 0 ? undefined : graph.cell(value, entry.root, path)
  const key = registry.typeOf(entry.keyType)
  if (!cells.take(entry.root, path)) return
  if (entry.kind === C.ENTRY_MAP) graph.map(new MapType(key, value), entry.root, path)
  else graph.multimap(new MultimapType(key, value), entry.root, path)
}
