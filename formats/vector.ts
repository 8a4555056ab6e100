/**
 * A shared vector: a region of KIND_SHARED. Page 0 is its Identity, then come the pages declared
 * here, the slots, and the cells. What each word means, who writes it and in which memory order:
 * native/src/core/vector/.
 */
import { bytes, layout, u32, u64, zeros } from './layout.js'

export const VectorHeader = layout('VectorHeader', 4096, 'VECTOR_HEADER_PAGE. Written once, when the file is made.', {
  magic: u32(0, 'VECTOR_MAGIC.'),
  elementBytes: u32(4, '1, 2, 4 or 8.'),
  cellBytes: u32(8, '8 for elements of up to 4 bytes, 16 for those of 8.'),
  slotCount: u32(12, 'VECTOR_SLOT_COUNT.'),
  capacityElements: u64(16, 'Cells between VECTOR_FIRST_CELL_PAGE and the capacity.'),
  firstCellPage: u32(24, 'VECTOR_FIRST_CELL_PAGE.'),
  typeBytes: u32(28, 'Length of `type`.'),
  type: bytes(32, 3072, 'Description of the element type, JSON.'),
  reserved: zeros(3104, 988),
  checksum: u32(4092, 'CRC-32C of the 4,092 bytes before it.'),
})

export const VectorMarker = layout('VectorMarker', 4096, 'VECTOR_MARKER_PAGE: what an opener after a crash of the machine can rely on.', {
  state: u64(0, 'MARK_… in the two low bits; a number that grows with every flush in the others.'),
  bootId: bytes(8, 16, 'Of the running system that last opened the file; another one means that memory was lost since.'),
  flushedSize: u64(24, 'Elements that the last completed flush covered.'),
  flushedMs: u64(32, 'When that was, milliseconds since 1970.'),
  failedSyncs: u32(40, 'Since the last flush that was: the next one writes every page again.'),
  reserved: zeros(44, 4052),
})

export const VectorWords = layout('VectorWords', 4096, 'VECTOR_WORDS_PAGE. Each group on cache lines of its own.', {
  descriptor: u64(0, 'Tag in the high 52 bits, index of the current descriptor in the low VECTOR_INDEX_BITS.'),
  reserved0: zeros(8, 120),
  awaitedSize: u64(128, 'Smallest size that somebody sleeps for, or 0.'),
  reserved1: zeros(136, 120),
  sizeTicket: u32(256, 'Raised when an awaited size is reached; what they sleep on.'),
  reserved2: zeros(260, 252),
  provided: u64(512, 'Of each bucket, the bytes from its start that the file really has. Only grows.', 60),
  reserved3: zeros(992, 3104),
})

export const VectorDescriptor = layout('VectorDescriptor', 2048, 'Half of a slot: the state of the vector while the descriptor word names it.', {
  size: u64(0, 'Elements, once what is pending is done.'),
  kind: u32(8, 'VECTOR_NONE, VECTOR_PUSH or VECTOR_POP.'),
  count: u32(12, 'VECTOR_PUSH: elements added, at most VECTOR_BATCH_LIMIT; else 0.'),
  resultValue: u64(16, 'VECTOR_POP: what was taken out, once resultTag is odd.'),
  resultTag: u64(24, 'VECTOR_POP: tag of the descriptor word * 2; plus 1 when resultValue is set.'),
  entries: u64(32, 'VECTOR_PUSH: pairs of the element and the tag that its cell had before.', 252),
})

export const VectorCall = layout('VectorCall', 64, 'Arguments and results of native calls of one handle; in memory, never on disk.', {
  value: u64(0, 'The element, as the bytes that its cell holds, zero-extended.'),
  expected: u64(8, 'compareAndSet: the element that must be there.'),
  index: u64(16, 'Index or size, as a double.'),
  count: u64(24, 'Elements that were done, as a double.'),
  code: u32(32, 'What went wrong: native/src/core/status.h; 0 when nothing.'),
  error: u32(36, 'errno behind it, or 0.'),
  found: u32(40, '1 when there was such an element.'),
  reserved: zeros(44, 20),
})
