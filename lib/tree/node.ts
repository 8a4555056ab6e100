/** The header of a node, as words behind the word index `at` of its ref: taken from the layout. */
import { C, NodeHeader } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import type { Space } from '../space/space.js'

const { fields } = NodeHeader

/** Word with kind, level and count, in this order: 8, 8 and 16 bits. */
export const HEAD = fields.kind.offset >>> 2
/** Word with keyBytes, valueBytes and flags. */
export const WIDTHS = fields.keyBytes.offset >>> 2
export const ENTRY_COUNT = fields.entryCount.offset >>> 2
/** Word with heapStart and heapGarbage. */
export const HEAP = fields.heapStart.offset >>> 2
/** Word with prefixBytes and prefixOffset. */
export const PREFIX = fields.prefixBytes.offset >>> 2
export const FIRST_CHILD = fields.firstChild.offset >>> 2
/** First word behind the header. */
export const ENTRIES = NodeHeader.bytes >>> 2

export const PAGE_WORDS = C.PAGE_BYTES / 4

export const headOf = (kind: number, level: number, count: number): number =>
  kind | (level << 8) | (count << 16)

export const widthsOf = (keyBytes: number, valueBytes: number): number =>
  keyBytes | (valueBytes << 8)

/**
 * A node that is not what its parent says; or the disk could not give it, which is told instead.
 */
export function throwCorrupt(space: Space, root: number, ref: number): never {
  space.checkFault()
  throw new RStoreError(
    'RSTORE_CORRUPT',
    `The tree with its root at ref ${root} is damaged: at ref ${ref} there is not the node there ` +
      'should be. Run `rstore verify` on the file.',
    { root, ref },
  )
}
