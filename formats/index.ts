/** Every layout of the format and the numbers they share. Imports nothing of ours. */
export { C, constants } from './constants.js'
export type { Constant } from './constants.js'
export { crc32c, pageChecksum } from './crc32c.js'
export { ControlBlock } from './control.js'
export { alignmentOf, layout } from './layout.js'
export type { Field, Fields, Layout, Scalar } from './layout.js'
export { LockHeader, ReaderSlot, SegmentEntry, SharedWords } from './lock.js'
export { PageEntry, RedoRecord, SegmentHeader } from './log.js'
export { AllocationState, CatalogEntry, CellHeader, CheckpointSlot, DescriptorCopies, DescriptorPart,
  FreeCell, Identity, MovedCell, OutboundReference } from './region.js'
export { isSideFileName } from './names.js'
export { MultimapCell, NodeHeader, Slot, SpilledKey } from './tree.js'
export {
  VectorCall, VectorDescriptor, VectorHeader, VectorMarker, VectorWords,
} from './vector.js'
