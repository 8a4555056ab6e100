/** What the fault handler's flags mean to whoever was reading or writing. */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'

/**
 * Of several flags the worst: what was read from a disk that failed is nothing, whatever else is
 * full.
 */
export function faultError(
  bits: number, facts: { readonly path?: string; readonly page?: number },
): RStoreError {
  const { path = 'the region' } = facts
  if (bits & C.FAULT_IO) {
    return new RStoreError('RSTORE_IO',
      `reading ${path}: the disk failed, or someone cut the file. `
      + 'Close the region and open it again', facts)
  }
  if (bits & C.FAULT_NO_SPACE) {
    return new RStoreError('RSTORE_NO_SPACE',
      `growing ${path}: the disk or its quota is full. Nothing was changed; `
      + 'make room and try again', facts)
  }
  if (bits & C.FAULT_REGION_FULL) {
    return new RStoreError('RSTORE_REGION_FULL',
      `growing ${path}: the capacity is reached. Nothing was changed; `
      + 'copy into a region with a larger one', facts)
  }
  if (bits & C.FAULT_READ_ONLY) {
    return new RStoreError('RSTORE_READ_ONLY',
      `${path} is packed, and something wrote to memory that shows it. The file is as it was; `
      + 'this handle shows what was written: close it', facts)
  }
  return new RStoreError('RSTORE_CORRUPT',
    `reading ${path}: the file is damaged: a page does not fit its checksum, or a ref leads out of `
    + 'the data. Run "rstore verify"', facts)
}
