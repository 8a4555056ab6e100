/** Of cells: how large they may be, and the size classes of free ones. */
import { C } from '../../formats/index.js'

/**
 * With its header, but without the two units by which it is longer where it would end just before
 * the end of a page (A3 of allocator.ts): with them, too, its size fits into the header.
 */
export const LARGEST_CELL_BYTES = (C.CELL_SIZE_MASK - 2) * C.UNIT_BYTES
export const LARGEST_PAYLOAD_BYTES = LARGEST_CELL_BYTES - 8

export function refusePayload(bytes: number): never {
  throw new RangeError(`A value of ${bytes} bytes is too large: `
    + `one has at most ${LARGEST_PAYLOAD_BYTES}, 2 GiB less 32`)
}

/**
 * Size classes: 8 to each power of two. Cells of up to 15 units have a class for each
 * size; beyond that class 8 (f − 2) + s holds the sizes from (8 + s) · 2^(f − 3) units on, up to
 * where the next class begins, with f = floor(log2(units)).
 */
export const sizeClassOf = (units: number): number => {
  if (units < 8) return units
  const power = 31 - Math.clz32(units)
  return ((power - 2) << 3) + ((units >>> (power - 3)) & 7)
}
