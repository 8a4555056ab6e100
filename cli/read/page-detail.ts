/** One page, decoded as far as it can be: its cells, and the fields in them. */
import {
  AllocationState, C, CatalogEntry, CellHeader, CheckpointSlot, DescriptorCopies, DescriptorPart,
  FreeCell, Identity, MovedCell, MultimapCell, NodeHeader, OutboundReference, VectorHeader,
  VectorMarker, VectorWords, type Fields, type Layout,
} from '../../formats/index.js'
import type { OnProgress } from '../shared/progress.js'
import { readCatalog, type CatalogName } from './catalog.js'
import {
  blobStart, cellAt, PAGE_UNITS, pageOfRef, refOfPage, trailAddress, type Cell,
} from './cells.js'
import { walkCells } from './cell-walk.js'
import { FieldReader } from './fields.js'
import { treeKeyType } from './map-detail.js'
import { Node } from './node.js'
import type { RegionImage } from './region.js'
import { walkMultimap, walkTree } from './tree.js'
import type { TypeTable } from './type-table.js'
import { arrayRows, keyText, slotRows, type FieldRow } from './values.js'

export interface CellDetail {
  ref: number
  bytes: number
  type: string
  free: boolean
  /** Offsets from the start of the cell. */
  rows: FieldRow[]
}

export interface PageDetail {
  page: number
  address: number
  what: string
  /** The name whose tree the page is a node of. */
  name: string | undefined
  /** undefined: pages like this have none. */
  checksumRight: boolean | undefined
  inLog: boolean
  inMemory: boolean | undefined
  /** Cells that lie in the page, or reach into it. */
  cells: CellDetail[]
  /** The 4,096 bytes, hex. */
  bytes: string
}

/** Cells that are not decoded in full: what is shown of their content. */
const SHOWN_BYTES = 2 ** 16

const layoutValue = (reader: FieldReader<Fields>, name: string, layout: Layout): string => {
  const { type, count } = layout.fields[name]!
  if (type === 'bytes') return reader.hex(name).slice(0, 64)
  if (type === 'zeros') return reader.wrongPaddings().some((wrong) => wrong.endsWith(`.${name}`))
    ? 'not zero' : 'zero'
  const read = (i: number) => String(type === 'u64' ? reader.u64(name, i) : reader.u32(name, i))
  if (count === 1) return read(0)
  const set = Array.from({ length: count }, (_, i) => i)
    .filter((i) => read(i) !== '0').map((i) => `[${i}] ${read(i)}`)
  return set.length === 0 ? 'all 0' : set.join(', ')
}

/** The fields of a layout; those from `from` on. */
function layoutRows(layout: Layout, bytes: Buffer, from = 0): FieldRow[] {
  const reader = new FieldReader(layout, bytes)
  return Object.entries(layout.fields)
    .filter(([, { offset }]) => offset >= from && offset < bytes.length)
    .map(([name, { offset, bytes: length }]) =>
      ({ name, offset, bytes: length, value: layoutValue(reader, name, layout) }))
}

const HEADER_PAGES = new Map<number, readonly [what: string, layout: Layout]>([
  [C.IDENTITY_PAGE, ['identity', Identity]],
  [C.FIRST_SLOT_PAGE, ['checkpoint slot 0', CheckpointSlot]],
  [C.FIRST_SLOT_PAGE + 1, ['checkpoint slot 1', CheckpointSlot]],
  [C.ALLOCATION_PAGE, ['allocation state', AllocationState]],
])

const VECTOR_PAGES = new Map<number, readonly [what: string, layout: Layout]>([
  [C.IDENTITY_PAGE, ['identity', Identity]],
  [C.VECTOR_HEADER_PAGE, ['header of the vector', VectorHeader]],
  [C.VECTOR_MARKER_PAGE, ['marker of the last flush', VectorMarker]],
  [C.VECTOR_WORDS_PAGE, ['words that all handles share', VectorWords]],
])

/** The types of keys and values of a node, where its tree is known. */
interface TreeTypes { key: unknown }

function nodeRows(bytes: Buffer, cell: Cell, tree: TreeTypes | undefined): FieldRow[] {
  const rows = layoutRows(NodeHeader, bytes, CellHeader.bytes)
  const node = new Node(cell, bytes)
  const problem = node.problem()
  if (problem !== '') return [...rows, { name: 'problem', offset: 0, bytes: 0, value: problem }]
  for (let i = 0; !node.isAnchor && i < node.count; i++) {
    const key = node.entries.key(i)
    const shown = 'spill' in key
      ? `${key.bytes} bytes at ref ${key.spill}`
      : keyText(Buffer.from(key), tree?.key, node.keyBytes > 0)
    const value = node.entries.value(i)
    const text = node.isInner ? `child, page ${pageOfRef(value.readUInt32LE())}` : valueText(value)
    rows.push({
      name: `[${i}] ${shown}`,
      offset: value.byteOffset - bytes.byteOffset,
      bytes: value.length,
      value: text,
    })
  }
  return rows
}

const valueText = (value: Buffer): string =>
  value.length === 0 ? '' : value.length === 4
    ? String(value.readUInt32LE())
    : `${value.readBigUInt64LE()} (f64 ${value.readDoubleLE()})`

function blobRows(image: RegionImage, { ref, typeId }: Cell): FieldRow[] {
  const blob = blobStart(image, ref, typeId, 256)
  if (typeof blob === 'string') return [{ name: 'problem', offset: 8, bytes: 4, value: blob }]
  const isText = typeId === C.TYPE_STRING || typeId === C.TYPE_DESCRIPTOR
  const content = isText ? JSON.stringify(blob.start.toString('utf8')) : blob.start.toString('hex')
  return [
    { name: 'length', offset: 8, bytes: 4, value: String(blob.length) },
    { name: 'content', offset: 12, bytes: blob.length, value: content },
  ]
}

function copyRows(bytes: Buffer): FieldRow[] {
  const rows = layoutRows(DescriptorCopies, bytes, CellHeader.bytes)
  if (bytes.length < DescriptorCopies.bytes) return rows
  const used = new FieldReader(DescriptorCopies, bytes).u32('usedBytes')
  const end = Math.min(bytes.length, DescriptorCopies.bytes + used)
  for (let at: number = DescriptorCopies.bytes; at + DescriptorPart.bytes < end;) {
    const part = new FieldReader(DescriptorPart, bytes.subarray(at))
    const start = at + DescriptorPart.bytes
    const length = part.u32('bytes')
    if (length === 0 || start + length > end) break
    const text = bytes.toString('utf8', start, start + length)
    const name = `type ${part.u32('typeId')} from byte ${part.u32('from')}`
    rows.push({ name, offset: start, bytes: length, value: JSON.stringify(text) })
    at = start + Math.ceil(length / C.UNIT_BYTES) * C.UNIT_BYTES
  }
  return rows
}

const BLOBS: readonly number[] =
  [C.TYPE_STRING, C.TYPE_BYTES, C.TYPE_JSON, C.TYPE_SPILL, C.TYPE_DESCRIPTOR]

function entryRows(bytes: Buffer): FieldRow[] {
  const rows = layoutRows(CatalogEntry, bytes, CellHeader.bytes)
  const length = new FieldReader(CatalogEntry, bytes).u32('nameBytes')
  const end = CatalogEntry.bytes + length
  if (length === 0 || end > bytes.length) return rows
  const value = JSON.stringify(bytes.toString('utf8', CatalogEntry.bytes, end))
  return [...rows, { name: 'name', offset: CatalogEntry.bytes, bytes: length, value }]
}

function contentRows(
  image: RegionImage, types: TypeTable, cell: Cell, tree: TreeTypes | undefined,
): FieldRow[] {
  const { typeId, units } = cell
  const size = Math.min(units * C.UNIT_BYTES, SHOWN_BYTES)
  const bytes = image.pages.read(cell.ref * C.UNIT_BYTES, size)
  if (typeId === C.TYPE_FREE) return layoutRows(FreeCell, bytes, 8).slice(0, 2)
  if (typeId === C.TYPE_FREE_PAGE) {
    return [{ name: 'next', offset: 8, bytes: 4, value: String(bytes.readUInt32LE(8)) }]
  }
  if (BLOBS.includes(typeId)) return blobRows(image, cell)
  if (typeId === C.TYPE_DESCRIPTOR_COPIES) return copyRows(bytes)
  if (typeId === C.TYPE_CATALOG_ENTRY && size >= CatalogEntry.bytes) return entryRows(bytes)
  if (typeId === C.TYPE_MOVED) return layoutRows(MovedCell, bytes, CellHeader.bytes)
  if (typeId === C.TYPE_OUTBOUND && size >= OutboundReference.bytes) {
    return layoutRows(OutboundReference, bytes, CellHeader.bytes)
  }
  const shape = types.shapeOf(typeId)
  if (shape?.kind === 'multimap') return layoutRows(MultimapCell, bytes, 8)
  if (isNodeType(typeId) || shape?.kind === 'map') {
    return size >= NodeHeader.bytes && size <= C.PAGE_BYTES ? nodeRows(bytes, cell, tree) : []
  }
  if (shape === undefined) return []
  return shape.kind === 'array'
    ? arrayRows(image, shape.element, bytes)
    : [...slotRows(image, shape, bytes, 8, ''), ...trailRows(image, cell)]
}

/** What the record left when it moved here. */
function trailRows(image: RegionImage, cell: Cell): FieldRow[] {
  const address = trailAddress(image, cell)
  if (address === undefined) return []
  const offset = address - cell.ref * C.UNIT_BYTES
  return [{ name: 'left', offset, bytes: 4, value: String(image.pages.u32(address)) }]
}

const isNodeType = (typeId: number): boolean =>
  typeId === C.TYPE_NODE || typeId === C.TYPE_CATALOG_ROOT || typeId === C.TYPE_TYPES_ROOT

function cellDetail(
  image: RegionImage, types: TypeTable, cell: Cell, tree: TreeTypes | undefined,
): CellDetail {
  return {
    ref: cell.ref,
    bytes: cell.units * C.UNIT_BYTES,
    type: types.nameOf(cell.typeId),
    free: cell.free,
    rows: contentRows(image, types, cell, tree),
  }
}

/** Cells can only be found from where one is known to begin: at most 2 GiB are walked over. */
function cellsIn(image: RegionImage, page: number, onProgress: OnProgress): Cell[] {
  const windowPages = Number(C.WINDOW_BYTES) / C.PAGE_BYTES
  const first = Math.max(image.identity.firstDataPage, Math.floor(page / windowPages) * windowPages)
  const cells: Cell[] = []
  const [start, end] = [refOfPage(page), refOfPage(page + 1)]
  walkCells(image, refOfPage(first), image.endUnits, {
    cell: (ref, units) => {
      if (ref + units <= start) return true
      const cell = ref < end ? cellAt(image, ref) : ''
      if (typeof cell !== 'string') cells.push(cell)
      return ref + units < end
    },
    gap: (ref, units) => ref + units < end,
    progress: (ref) => onProgress(pageOfRef(ref) - first, page - first),
  })
  return cells
}

/** The name whose tree has the page as a node, looked for in one after the other. */
function treeOf(
  image: RegionImage, types: TypeTable, page: number,
): { entry: CatalogName; tree: TreeTypes } | undefined {
  for (const entry of readCatalog(image)) {
    let found = false
    const look = (node: Node) => {
      found ||= pageOfRef(node.cell.ref) === page && node.cell.units === PAGE_UNITS
    }
    if (entry.kind === 'multimap') walkMultimap(image, entry.root, entry.name, look)
    else if (entry.kind !== 'value') walkTree(image, entry.root, entry.name, look)
    if (found) return { entry, tree: { key: treeKeyType(types, entry) } }
  }
  return undefined
}

function rawPage(image: RegionImage, page: number): Pick<PageDetail, 'what' | 'cells'> {
  const isVector = image.identity.kind === 'shared'
  const known = (isVector ? VECTOR_PAGES : HEADER_PAGES).get(page)
  const bytes = image.pages.read(page * C.PAGE_BYTES, C.PAGE_BYTES)
  if (known !== undefined) {
    const [what, layout] = known
    const rows = layoutRows(layout, bytes)
    return { what, cells: [{ ref: 0, bytes: layout.bytes, type: layout.name, free: false, rows }] }
  }
  if (isVector) {
    return { what: page < C.VECTOR_FIRST_CELL_PAGE ? 'slot of a handle' : 'elements', cells: [] }
  }
  return { what: 'table of page checksums', cells: [] }
}

function dataPage(
  image: RegionImage, types: TypeTable, page: number, onProgress: OnProgress,
): Pick<PageDetail, 'what' | 'cells' | 'name'> {
  const owner = treeOf(image, types, page)
  const cells = page === C.CATALOG_PAGE || page === C.TYPES_PAGE
    ? [cellAt(image, refOfPage(page))].filter((cell) => typeof cell !== 'string')
    : cellsIn(image, page, onProgress)
  const key = page === C.CATALOG_PAGE ? 'string' : page === C.TYPES_PAGE ? 'u32' : undefined
  const tree = owner?.tree ?? { key }
  const past = refOfPage(page) >= image.endUnits
  return {
    what: past ? 'not used yet' : cells.length === 1 ? cellName(types, cells[0]!) : 'cells',
    name: owner?.entry.name,
    cells: cells.map((cell) => cellDetail(image, types, cell, tree)),
  }
}

const cellName = (types: TypeTable, { typeId }: Cell): string => types.nameOf(typeId)

export function inspectPage(
  image: RegionImage, types: TypeTable, page: number, onProgress: OnProgress = () => {},
): PageDetail {
  const { pages, identity: { kind, firstDataPage } } = image
  const isRaw = kind === 'shared' || page < C.CATALOG_PAGE
    || (page >= C.CHECKSUM_PAGE && page < firstDataPage)
  const detail = isRaw
    ? { ...rawPage(image, page), name: undefined }
    : dataPage(image, types, page, onProgress)
  const bytes = pages.read(page * C.PAGE_BYTES, C.PAGE_BYTES)
  return {
    page,
    address: page * C.PAGE_BYTES,
    ...detail,
    checksumRight: pages.hasChecksum(page) ? !pages.isWrong(page) : undefined,
    inLog: pages.isInLog(page),
    inMemory: undefined,
    bytes: bytes.toString('hex'),
  }
}
