/** Cells: what a ref names, checked before anything is read from it. */
import { C, CellHeader } from '../../formats/index.js'
import { FieldReader } from './fields.js'
import type { RegionImage } from './region.js'

export interface Cell {
  ref: number
  units: number
  typeId: number
  generation: number
  free: boolean
}

const WINDOW_UNITS = Number(C.WINDOW_BYTES) / C.UNIT_BYTES

export const pageOfRef = (ref: number): number => ref >>> 9
export const refOfPage = (page: number): number => page * (C.PAGE_BYTES / C.UNIT_BYTES)

const isRoot = (ref: number): boolean =>
  ref === refOfPage(C.CATALOG_PAGE) || ref === refOfPage(C.TYPES_PAGE)

/** The cell at a ref, or a sentence that says why there is none. */
export function cellAt(image: RegionImage, ref: number): Cell | string {
  const first = refOfPage(image.identity.firstDataPage)
  if ((ref < first && !isRoot(ref)) || ref >= image.endUnits) {
    return `ref ${ref} is outside the data`
  }
  const bytes = image.pages.read(ref * C.UNIT_BYTES, CellHeader.bytes)
  const header = new FieldReader(CellHeader, bytes)
  const sizeAndFlags = header.u32('sizeAndFlags')
  const units = sizeAndFlags & C.CELL_SIZE_MASK
  const typeId = header.u32('typeId')
  const straddles = Math.floor(ref / WINDOW_UNITS) !== Math.floor((ref + units - 1) / WINDOW_UNITS)
  const end = isRoot(ref) ? ref + units : image.endUnits
  if (units < C.MINIMUM_CELL_UNITS || ref + units > end || straddles || typeId === 0) {
    return `there is no cell at ref ${ref}`
  }
  const free = (sizeAndFlags & C.CELL_FREE) !== 0 || typeId === C.TYPE_FREE_PAGE
  return { ref, units, typeId, generation: header.u32('generation'), free }
}

/** A live cell of one type, or a sentence. */
export function cellOfType(image: RegionImage, ref: number, typeId: number): Cell | string {
  const cell = cellAt(image, ref)
  if (typeof cell === 'string' || (cell.typeId === typeId && !cell.free)) return cell
  return `the cell at ref ${ref} has type ${cell.typeId}, not ${typeId}`
}

export const cellBytes = (image: RegionImage, { ref, units }: Cell): Buffer =>
  image.pages.read(ref * C.UNIT_BYTES, units * C.UNIT_BYTES)

/** What a cell holds that begins with a length: the bytes, or a sentence. */
export function blobIn(image: RegionImage, ref: number, typeId: number): Buffer | string {
  const cell = cellOfType(image, ref, typeId)
  if (typeof cell === 'string') return cell
  const bytes = cellBytes(image, cell)
  const length = bytes.readUInt32LE(CellHeader.bytes)
  const start = CellHeader.bytes + 4
  if (start + length > bytes.length) return `the length in the cell at ref ${ref} is wrong`
  return bytes.subarray(start, start + length)
}
