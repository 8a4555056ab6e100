/** Cells: what a ref names, checked before anything is read from it. */
import { C, CellHeader, MovedCell } from '../../formats/index.js'
import type { RegionImage } from './region.js'

export interface Cell {
  ref: number
  units: number
  typeId: number
  generation: number
  free: boolean
}

export const PAGE_UNITS = C.PAGE_BYTES / C.UNIT_BYTES
export const WINDOW_UNITS = Number(C.WINDOW_BYTES) / C.UNIT_BYTES

export const pageOfRef = (ref: number): number => Math.floor(ref / PAGE_UNITS)
export const refOfPage = (page: number): number => page * PAGE_UNITS

const isRoot = (ref: number): boolean =>
  ref === refOfPage(C.CATALOG_PAGE) || ref === refOfPage(C.TYPES_PAGE)

/** The cell at a ref, or a sentence that says why there is none. */
export function cellAt(image: RegionImage, ref: number): Cell | string {
  const first = refOfPage(image.identity.firstDataPage)
  if ((ref < first && !isRoot(ref)) || ref >= image.endUnits) {
    return `ref ${ref} is outside the data`
  }
  const sizeAndFlags = image.pages.u32(ref * C.UNIT_BYTES)
  const units = sizeAndFlags & C.CELL_SIZE_MASK
  const stamp = image.pages.u32(ref * C.UNIT_BYTES + 4)
  const typeId = stamp & 0xffff
  const straddles = Math.floor(ref / WINDOW_UNITS) !== Math.floor((ref + units - 1) / WINDOW_UNITS)
  const end = isRoot(ref) ? ref + units : image.endUnits
  if (units < C.MINIMUM_CELL_UNITS || ref + units > end || straddles || typeId === 0) {
    return `there is no cell at ref ${ref}`
  }
  const free = (sizeAndFlags & C.CELL_FREE) !== 0 || typeId === C.TYPE_FREE_PAGE
  return { ref, units, typeId, generation: stamp >>> 16, free }
}

/** A live cell of one type, or a sentence. */
export function cellOfType(image: RegionImage, ref: number, typeId: number): Cell | string {
  const cell = cellAt(image, ref)
  if (typeof cell === 'string' || (cell.typeId === typeId && !cell.free)) return cell
  return `the cell at ref ${ref} has type ${cell.typeId}, not ${typeId}`
}

/** The word that says what the record in a cell left; undefined where none has moved there. */
export function trailAddress({ pages }: RegionImage, { ref, units }: Cell): number | undefined {
  const hasMoved = (pages.u32(ref * C.UNIT_BYTES) & C.CELL_HAS_MOVED) !== 0
  return hasMoved ? (ref + units - 1) * C.UNIT_BYTES : undefined
}

/** The cells that the record in this one has left, as far as they can be found. */
export function trailOf(image: RegionImage, cell: Cell): Cell[] {
  const trail = new Map<number, Cell>()
  const address = trailAddress(image, cell)
  let ref = address === undefined ? 0 : image.pages.u32(address)
  while (ref !== 0 && !trail.has(ref)) {
    const left = cellOfType(image, ref, C.TYPE_MOVED)
    if (typeof left === 'string') break
    trail.set(ref, left)
    ref = image.pages.u32(ref * C.UNIT_BYTES + MovedCell.fields.previous.offset)
  }
  return [...trail.values()]
}

export const cellBytes = (image: RegionImage, { ref, units }: Cell): Buffer =>
  image.pages.read(ref * C.UNIT_BYTES, units * C.UNIT_BYTES)

/** What a cell holds behind a length: how much, and the beginning of it; or a sentence. */
export function blobStart(
  image: RegionImage, ref: number, typeId: number, most: number,
): { length: number; start: Buffer } | string {
  const cell = cellOfType(image, ref, typeId)
  if (typeof cell === 'string') return cell
  const address = ref * C.UNIT_BYTES + CellHeader.bytes
  const length = image.pages.read(address, 4).readUInt32LE()
  if (CellHeader.bytes + 4 + length > cell.units * C.UNIT_BYTES) {
    return `the length in the cell at ref ${ref} is wrong`
  }
  return { length, start: image.pages.read(address + 4, Math.min(length, most)) }
}

/** Longer keys, names and descriptors are not to be had: a damaged length does no harm. */
const LONGEST_BLOB = 2 ** 24

/** The whole of it. */
export function blobIn(image: RegionImage, ref: number, typeId: number): Buffer | string {
  const blob = blobStart(image, ref, typeId, LONGEST_BLOB)
  if (typeof blob === 'string') return blob
  return blob.length > LONGEST_BLOB
    ? `the cell at ref ${ref} holds ${blob.length} bytes, which is too much`
    : blob.start
}
