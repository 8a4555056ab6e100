/**
 * What each page of a file is: its use, how full it is, and what else is known of it. Some bytes
 * for each page, whatever the file holds.
 */
import { C, NodeHeader } from '../../formats/index.js'
import type { OnProgress } from '../shared/progress.js'
import { walkCells, type CellVisitor } from './cell-walk.js'
import { PAGE_UNITS, pageOfRef, refOfPage } from './cells.js'
import type { RegionImage } from './region.js'
import type { TypeTable } from './type-table.js'

/** Uses of pages; a page of several has the one that most of its bytes in use are of. */
export const USES = [
  'header', 'checksums', 'catalog', 'inner', 'leaf', 'record', 'text', 'array',
  'element', 'free', 'unused', 'unknown',
] as const

export type Use = (typeof USES)[number]

export const USE_NAMES: Readonly<Record<Use, string>> = {
  header: 'header and state',
  checksums: 'table of page checksums',
  catalog: 'names and types',
  inner: 'inner nodes of trees',
  leaf: 'leaves of trees',
  record: 'records',
  text: 'strings, bytes, JSON',
  array: 'arrays',
  element: 'elements of a vector',
  free: 'free, for the next allocations',
  unused: 'not used yet',
  unknown: 'cannot be read',
}

const USE = Object.fromEntries(USES.map((use, index) => [use, index])) as Record<Use, number>

export const useOf = (index: number): Use => USES[index] ?? 'unknown'

/** Bits of `PageMap.flags`. */
export const FLAG = Object.freeze({ inMemory: 1, inLog: 2, wrong: 4 })

export interface TypeSpace { typeId: number; cells: number; bytes: number }

/** Nodes by how full they are: a tenth for each tenth of a page. */
export interface NodeFill { inner: number[]; leaf: number[] }

export interface PageMap {
  pageCount: number
  /** Indexes into USES. */
  use: Uint8Array
  /** Percent of the page that is in use. */
  fill: Uint8Array
  flags: Uint8Array
  /** Index of the name in the catalog that most of the page belongs to, plus 1; 0: of no name. */
  owner: Uint16Array
  /** Live cells by their types, the most bytes first. */
  types: TypeSpace[]
  nodeFill: NodeFill
  /** Bytes of the region by use. */
  useBytes: Record<Use, number>
}

const DECILES = 10

const tenths = (): number[] => new Array<number>(DECILES).fill(0)

function emptyMap(pageCount: number): PageMap {
  return {
    pageCount,
    use: new Uint8Array(pageCount).fill(USE.unused),
    fill: new Uint8Array(pageCount),
    flags: new Uint8Array(pageCount),
    owner: new Uint16Array(pageCount),
    types: [],
    nodeFill: { inner: tenths(), leaf: tenths() },
    useBytes: Object.fromEntries(USES.map((use) => [use, 0])) as Record<Use, number>,
  }
}

/** Pages of the file, and those that its data would need; never more than the capacity has. */
function pageCountOf({ fileBytes, endUnits, identity }: RegionImage): number {
  const pages = Math.max(Math.ceil(fileBytes / C.PAGE_BYTES), Math.ceil(endUnits / PAGE_UNITS))
  return Math.min(pages, Math.ceil(identity.capacityBytes / C.PAGE_BYTES))
}

const CATALOG_TYPES: readonly number[] = [
  C.TYPE_DESCRIPTOR, C.TYPE_DESCRIPTOR_COPIES, C.TYPE_CATALOG_ENTRY, C.TYPE_OUTBOUND,
  C.TYPE_CATALOG_ROOT, C.TYPE_TYPES_ROOT,
]
const TEXT_TYPES: readonly number[] = [
  C.TYPE_STRING, C.TYPE_BYTES, C.TYPE_JSON, C.TYPE_SPILL,
]

/** Bytes of a node that are in use; its header is `words` from `index` on. */
function usedInNode(words: Uint32Array, index: number, bytes: number): number {
  const kind = words[index + 2]! & 0xff
  const count = words[index + 2]! >>> 16
  const keyBytes = words[index + 3]! & 0xff
  const slotBytes = kind === C.NODE_INNER_FIXED ? 4 : words[index + 3]! >>> 8 & 0xff
  if (kind === C.NODE_ANCHOR) return NodeHeader.bytes
  const isFixed = kind === C.NODE_LEAF_FIXED || kind === C.NODE_INNER_FIXED
  const [heapStart, garbage] = [words[index + 5]! & 0xffff, words[index + 5]! >>> 16]
  const used = isFixed
    ? count * (keyBytes + slotBytes)
    : count * 8 + bytes - heapStart - garbage
  return Math.max(0, Math.min(bytes, NodeHeader.bytes + used))
}

class MapBuilder implements CellVisitor {
  private readonly cells = new Float64Array(0x1_0000)
  private readonly bytes = new Float64Array(0x1_0000)
  /** Of the page that the walk is in: bytes by use, and live ones. */
  private readonly inPage = new Float64Array(USES.length)
  private live = 0
  private page = -1

  constructor(
    readonly map: PageMap,
    private readonly image: RegionImage,
    private readonly types: TypeTable,
    private readonly onProgress: OnProgress,
  ) {}

  private useOfType(typeId: number, level: number): number {
    if (typeId === C.TYPE_NODE) return level > 0 ? USE.inner : USE.leaf
    if (TEXT_TYPES.includes(typeId)) return USE.text
    if (CATALOG_TYPES.includes(typeId)) return USE.catalog
    const shape = this.types.shapeOf(typeId)
    if (shape?.kind === 'array') return USE.array
    if (shape?.kind !== 'map' && shape?.kind !== 'multimap') return USE.record
    return level > 0 ? USE.inner : USE.leaf
  }

  private isNode(typeId: number, units: number): boolean {
    const isRoot = this.types.shapeOf(typeId)?.kind === 'map'
    return (typeId === C.TYPE_NODE || isRoot) && units * C.UNIT_BYTES >= NodeHeader.bytes
      && units <= PAGE_UNITS
  }

  cell(
    ref: number, units: number, typeId: number, free: boolean, words: Uint32Array, index: number,
  ): boolean {
    if (free) return this.add(ref, units, USE.free, 0)
    this.cells[typeId]!++
    this.bytes[typeId]! += units * C.UNIT_BYTES
    const isNode = this.isNode(typeId, units)
    const level = isNode ? words[index + 2]! >>> 8 & 0xff : 0
    const use = this.useOfType(typeId, level)
    if (!isNode) return this.add(ref, units, use, 1)
    const share = usedInNode(words, index, units * C.UNIT_BYTES) / (units * C.UNIT_BYTES)
    const fills = this.map.nodeFill[level > 0 ? 'inner' : 'leaf']
    fills[Math.min(DECILES - 1, Math.floor(share * DECILES))]!++
    return this.add(ref, units, use, share)
  }

  gap(ref: number, units: number): boolean {
    const message = `${units * C.UNIT_BYTES} bytes from ref ${ref} on are no cells`
    this.image.problems.add('cells', message, pageOfRef(ref))
    return this.add(ref, units, USE.unknown, 0)
  }

  progress(ref: number): void {
    this.onProgress(pageOfRef(ref), this.map.pageCount)
  }

  /** @param share part of the bytes that is in use */
  private add(ref: number, units: number, use: number, share: number): true {
    const end = ref + units
    for (let at = ref; at < end;) {
      const page = pageOfRef(at)
      if (page !== this.page) this.turnTo(page)
      const next = Math.min(end, refOfPage(page + 1))
      const bytes = (next - at) * C.UNIT_BYTES
      this.inPage[use]! += bytes
      this.live += bytes * share
      at = next
    }
    return true
  }

  /** Also reads the page, where the walk jumped over it: so that its checksum is looked at. */
  private turnTo(page: number): void {
    this.finishPage()
    this.page = page
    this.image.pages.u32(page * C.PAGE_BYTES)
  }

  private finishPage(): void {
    const { page, map, inPage } = this
    if (page < 0 || page >= map.pageCount) return
    let known = 0
    for (let use = 0; use < inPage.length; use++) {
      map.useBytes[useOf(use)] += inPage[use]!
      known += inPage[use]!
    }
    map.useBytes.unused += C.PAGE_BYTES - known
    map.use[page] = this.mainUse()
    map.fill[page] = Math.round(this.live / C.PAGE_BYTES * 100)
    inPage.fill(0)
    this.live = 0
  }

  /** What most bytes are; free only where that is half of the page. */
  private mainUse(): number {
    const { inPage } = this
    if (inPage[USE.free]! * 2 >= C.PAGE_BYTES) return USE.free
    let most = USE.header
    for (let use = 0; use < inPage.length; use++) {
      if (use !== USE.free && inPage[use]! > inPage[most]!) most = use
    }
    return most
  }

  finish(): void {
    this.finishPage()
    for (let typeId = 0; typeId < this.cells.length; typeId++) {
      const [cells, bytes] = [this.cells[typeId]!, this.bytes[typeId]!]
      if (cells > 0) this.map.types.push({ typeId, cells, bytes })
    }
    this.map.types.sort((a, b) => b.bytes - a.bytes)
  }
}

function setPages(map: PageMap, first: number, end: number, use: Use, fill: number): void {
  const last = Math.min(end, map.pageCount)
  if (first >= last) return
  map.use.fill(USE[use], first, last)
  map.fill.fill(fill, first, last)
  map.useBytes[use] += (last - first) * C.PAGE_BYTES
}

function addFlags(map: PageMap, { pages }: RegionImage): void {
  for (let page = 0; page < map.pageCount; page++) {
    if (pages.isInLog(page)) map.flags[page]! |= FLAG.inLog
    if (pages.isWrong(page)) map.flags[page]! |= FLAG.wrong
  }
}

/** Live and packed regions: all pages are read, all cells walked over. */
export function readPageMap(
  image: RegionImage, types: TypeTable, onProgress: OnProgress = () => {},
): PageMap {
  const { identity: { firstDataPage }, endUnits } = image
  const map = emptyMap(pageCountOf(image))
  const builder = new MapBuilder(map, image, types, onProgress)
  walkCells(image, refOfPage(firstDataPage), endUnits, builder)
  builder.finish()
  setPages(map, 0, C.CATALOG_PAGE, 'header', 100)
  setPages(map, C.CATALOG_PAGE, C.CHECKSUM_PAGE, 'catalog', 100)
  setPages(map, C.CHECKSUM_PAGE, firstDataPage, 'checksums', 100)
  const endPage = Math.ceil(endUnits / PAGE_UNITS)
  setPages(map, Math.max(firstDataPage, image.pages.endPage), endPage, 'unknown', 0)
  setPages(map, Math.max(firstDataPage, endPage), map.pageCount, 'unused', 0)
  addFlags(map, image)
  return map
}

/** Shared vectors: what is where follows from the number of elements. */
export function readVectorMap(image: RegionImage, size: number, cellBytes: number): PageMap {
  const map = emptyMap(pageCountOf(image))
  const used = Math.ceil(size * cellBytes / C.PAGE_BYTES)
  const end = C.VECTOR_FIRST_CELL_PAGE + used
  setPages(map, 0, C.VECTOR_FIRST_CELL_PAGE, 'header', 100)
  setPages(map, C.VECTOR_FIRST_CELL_PAGE, end, 'element', 100)
  setPages(map, Math.max(end, C.VECTOR_FIRST_CELL_PAGE), map.pageCount, 'unused', 0)
  return map
}
