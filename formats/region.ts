/**
 * The region file: identity, checkpoint slots, allocation state, page checksums, catalog entries
 * and cells.
 */
import { bytes, layout, u16, u32, u64, u8, zeros } from './layout.js'

export const Identity = layout('Identity', 4096, 'Page 0. Written once, when the file is made; replaced only with the whole file.', {
  magic: u64(0, 'REGION_MAGIC.'),
  formatVersion: u32(8, 'FORMAT_VERSION of the program that made the file.'),
  kind: u32(12, 'KIND_LIVE, KIND_PACKED or KIND_SHARED.'),
  uuid: bytes(16, 16, 'Random; of a packed region, the hash of its content.'),
  generation: u64(32, 'Raised when the file is replaced by a compacted one.'),
  capacityBytes: u64(40, 'Upper bound of the file, a multiple of 64 KiB.'),
  pageBytes: u32(48, 'PAGE_BYTES.'),
  checksumPageCount: u32(52, 'Pages of the checksum table: 4 bytes for each page of the capacity.'),
  firstDataPage: u32(56, 'First page behind the checksum table: cells and nodes begin here.'),
  flags: u32(60, 'Zero.'),
  rootRef: u32(64, 'Packed: ref of the root; else 0.'),
  rootType: u32(68, 'Packed: type id of the root; else 0.'),
  endUnits: u64(72, 'Packed: end of the data in units; else 0.'),
  createdMs: u64(80, 'Milliseconds since 1970, 0 in a packed region.'),
  reserved: zeros(88, 4000),
  reservedTail: zeros(4088, 4),
  checksum: u32(4092, 'CRC-32C of the 4,092 bytes before it.'),
})

export const CheckpointSlot = layout('CheckpointSlot', 128,
  'Start of pages 1 and 2; the rest of the page is zero. The valid slot with the higher sequence counts.', {
  magic: u32(0, 'SLOT_MAGIC.'),
  clean: u32(4, '1 when no log is needed: the file alone is complete.'),
  sequence: u64(8, 'Raised by every write of a slot.'),
  epoch: u64(16, 'Every commit up to this one is in the file.'),
  endUnits: u64(24, 'End of the committed data, in units of 8 bytes.'),
  logPosition: u64(32, 'Logical position of the first record behind `epoch`.'),
  logSalt: u64(40, 'Random, new whenever a log is begun; seeds the checksums of its segments and records.'),
  logChecksum: u32(48, 'Checksum of the record of `epoch`: seeds the next.'),
  reserved: zeros(52, 4),
  durableTailEpoch: u64(56, 'Tails written by commits up to this one are on the disk and need not be proven.'),
  generation: u64(64, 'That of the identity.'),
  writtenMs: u64(72, 'Milliseconds since 1970.'),
  reservedTail: zeros(80, 44),
  checksum: u32(124, 'CRC-32C of the 124 bytes before it.'),
})

export const AllocationState = layout('AllocationState', 4096, 'Page 3: part of every transaction, through the log.', {
  frontierUnits: u32(0, 'First unit that was never allocated.'),
  allocatedUnits: u32(4, 'Units in live cells.'),
  freeUnits: u32(8, 'Units in free cells; free pages and the page run are not among them.'),
  freePageHead: u32(12, 'Ref of the first free page of a LIFO list, 0 when empty; the link is the first word behind the cell header.'),
  freePageCount: u32(16, 'Length of that list.'),
  pageRunNext: u32(20, 'Ref of the next page of the run that nodes are taken from. What is left of the run is one cell of TYPE_FREE_PAGE.'),
  pageRunEnd: u32(24, 'Ref behind the last page of that run.'),
  nextTypeId: u32(28, 'Type id that the next new descriptor gets.'),
  firstLevelBitmap: u32(32, 'Bit i is set when secondLevelBitmaps[i] is not 0.'),
  reservedBitmap: zeros(36, 4),
  secondLevelBitmaps: u8(40, 'Bit j of byte i is set when list 8 i + j is not empty.', 32),
  freeHeads: u32(72, 'First free cell of each size class; see SPEC.md for the classes.', 256),
  lastFree: u32(1096, 'Ref of the free cell that ends at the frontier, or 0: the next cell taken off the frontier gets CELL_PREVIOUS_FREE.'),
  outboundHead: u32(1100, 'First OutboundReference of a region in a store, 0 when it names no packed region.'),
  copiesHead: u32(1104, 'The newest DescriptorCopies, 0 while no type is stored.'),
  reserved: zeros(1108, 2988),
})

export const CellHeader = layout('CellHeader', 8, 'The first 8 bytes of every cell; a ref names them.', {
  sizeAndFlags: u32(0, 'Size of the whole cell in units, CELL_PREVIOUS_FREE, CELL_FREE, CELL_HAS_MOVED, CELL_UNOWNED.'),
  typeId: u16(4, 'What the cell holds; never 0.'),
  generation: u16(6, 'Raised when the cell is freed.'),
})

export const FreeCell = layout('FreeCell', 24, 'A free cell: its last 8 bytes repeat the size, for the cell behind it to find its start.', {
  sizeAndFlags: u32(0, 'As in CellHeader.'),
  typeId: u16(4, 'TYPE_FREE.'),
  generation: u16(6, 'As in CellHeader.'),
  next: u32(8, 'Next free cell of the class, or 0.'),
  previous: u32(12, 'Previous free cell of the class, or 0.'),
  footerUnits: u32(16, 'Size in units. In a larger free cell this field is at the end, not here.'),
  footerReserved: zeros(20, 4),
})

export const MovedCell = layout('MovedCell', 16, 'Where a record was before it grew with its type: it leads refs on.', {
  sizeAndFlags: u32(0, 'As in CellHeader; without CELL_HAS_MOVED.'),
  typeId: u16(4, 'TYPE_MOVED.'),
  generation: u16(6, 'As in CellHeader.'),
  next: u32(8, 'Ref of the cell that the record moved to: the record, or another MovedCell.'),
  previous: u32(12, 'Ref of the MovedCell that the record had left when it came here, or 0.'),
})

export const CatalogEntry = layout('CatalogEntry', 32, 'Value of the map of names: what a name stands for. Behind it the name, a second time, as UTF-8.', {
  sizeAndFlags: u32(0, 'As in CellHeader.'),
  typeId: u16(4, 'TYPE_CATALOG_ENTRY.'),
  generation: u16(6, 'As in CellHeader.'),
  kind: u32(8, 'ENTRY_MAP, ENTRY_MULTIMAP, ENTRY_VALUE or ENTRY_INDEX.'),
  root: u32(12, 'Ref of the root node, or of the value.'),
  keyType: u32(16, 'Type id of the keys, 0 for a value.'),
  valueType: u32(20, 'Type id of the values.'),
  auxiliary: u32(24, 'Index: ref of its descriptor (JSON); else 0.'),
  nameBytes: u32(28, 'Bytes of the name behind this; 0: it is not there a second time.'),
})

export const OutboundReference = layout('OutboundReference', 24,
  'A region of a store that names a packed region: one cell for each that it names, in a list by id.', {
  sizeAndFlags: u32(0, 'As in CellHeader.'),
  typeId: u16(4, 'TYPE_OUTBOUND.'),
  generation: u16(6, 'As in CellHeader.'),
  next: u32(8, 'The next of the list, or 0.'),
  regionId: u32(12, 'Id of the packed region in the store; 0 in the first cell, which names nothing.'),
  count: u32(16, 'Fields and entries of this region that name it; 0 in the first cell only.'),
  links: u32(20, 'Number of further links (u32) behind this; 11 in the first cell.'),
})

export const DescriptorCopies = layout('DescriptorCopies', 16,
  'A page of second copies of type descriptors: DescriptorParts behind this.', {
  sizeAndFlags: u32(0, 'As in CellHeader; a page.'),
  typeId: u16(4, 'TYPE_DESCRIPTOR_COPIES.'),
  generation: u16(6, 'As in CellHeader.'),
  next: u32(8, 'The DescriptorCopies that was begun before this one, or 0.'),
  usedBytes: u32(12, 'Bytes of the parts behind this.'),
})

export const DescriptorPart = layout('DescriptorPart', 16,
  'A type descriptor, or as much of it as a page holds; the bytes behind this, then zeros up to a multiple of 8.', {
  typeId: u32(0, 'The type.'),
  from: u32(4, 'Where in the descriptor this part begins, in bytes.'),
  length: u32(8, 'Bytes of the whole descriptor.'),
  bytes: u32(12, 'Bytes of this part, 1 to 4,064.'),
})
