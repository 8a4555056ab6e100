/** Names and what they stand for; type ids and their descriptors. */
import { C, CatalogEntry } from '../../formats/index.js'
import { blobIn, cellBytes, cellOfType, pageOfRef, refOfPage } from './cells.js'
import { FieldReader } from './fields.js'
import type { Node } from './node.js'
import type { RegionImage } from './region.js'
import { walkTree } from './tree.js'

export interface StoredType {
  id: number
  /** The descriptor: JSON; undefined where it cannot be read. */
  descriptor: unknown
}

export interface CatalogName {
  name: string
  kind: 'map' | 'multimap' | 'value' | 'index' | 'unknown'
  root: number
  keyType: number
  valueType: number
  auxiliary: number
}

const KINDS = new Map<number, CatalogName['kind']>([
  [C.ENTRY_MAP, 'map'], [C.ENTRY_MULTIMAP, 'multimap'],
  [C.ENTRY_VALUE, 'value'], [C.ENTRY_INDEX, 'index'],
])

/** Calls back with the bytes of each key and value of a tree's leaves. */
function forEachEntry(
  image: RegionImage, root: number, where: string,
  visit: (key: Buffer, value: Buffer) => void,
): void {
  walkTree(image, root, where, (node: Node) => {
    for (let i = 0; !node.isInner && i < node.count; i++) {
      const key = node.entries.key(i)
      const bytes = 'spill' in key ? blobIn(image, key.spill, C.TYPE_SPILL) : Buffer.from(key)
      if (typeof bytes === 'string') image.problems.add(where, bytes, pageOfRef(node.cell.ref))
      else visit(bytes, node.entries.value(i))
    }
  })
}

function readDescriptor(image: RegionImage, id: number, ref: number): unknown {
  const blob = blobIn(image, ref, C.TYPE_DESCRIPTOR)
  try {
    if (typeof blob !== 'string') return JSON.parse(blob.toString('utf8'))
    image.problems.add(`type ${id}`, blob, pageOfRef(ref))
  } catch {
    image.problems.add(`type ${id}`, 'the descriptor is not JSON', pageOfRef(ref))
  }
  return undefined
}

/** All stored types, by id. */
export function readTypes(image: RegionImage): StoredType[] {
  const types: StoredType[] = []
  forEachEntry(image, refOfPage(C.TYPES_PAGE), 'types', (key, value) => {
    if (key.length !== 4 || value.length !== 4) return
    const id = key.readUInt32LE()
    types.push({ id, descriptor: readDescriptor(image, id, value.readUInt32LE()) })
  })
  return types
}

function readEntry(image: RegionImage, name: string, ref: number): CatalogName | undefined {
  const cell = cellOfType(image, ref, C.TYPE_CATALOG_ENTRY)
  if (typeof cell === 'string' || cell.units * C.UNIT_BYTES < CatalogEntry.bytes) {
    const message = typeof cell === 'string' ? cell : `the entry at ref ${ref} is too short`
    image.problems.add(`name ${JSON.stringify(name)}`, message, pageOfRef(ref))
    return undefined
  }
  const fields = new FieldReader(CatalogEntry, cellBytes(image, cell))
  const kind = KINDS.get(fields.u32('kind')) ?? 'unknown'
  if (kind === 'unknown') {
    image.problems.add(`name ${JSON.stringify(name)}`, 'it is of an unknown kind', pageOfRef(ref))
  }
  return {
    name,
    kind,
    root: fields.u32('root'),
    keyType: fields.u32('keyType'),
    valueType: fields.u32('valueType'),
    auxiliary: fields.u32('auxiliary'),
  }
}

/** All names, in order. */
export function readCatalog(image: RegionImage): CatalogName[] {
  const names: CatalogName[] = []
  forEachEntry(image, refOfPage(C.CATALOG_PAGE), 'catalog', (key, value) => {
    if (value.length !== 4) return
    const entry = readEntry(image, key.toString('utf8'), value.readUInt32LE())
    if (entry !== undefined) names.push(entry)
  })
  return names
}
