/**
 * Numbers that every part of the format shares. Generated into C++ by generate.ts, with the
 * layouts.
 */

export interface Constant { readonly value: number | bigint; readonly doc: string }

const constant = <V extends number | bigint>(value: V, doc: string) => ({ value, doc }) as const

export const constants = {
  FORMAT_VERSION: constant(1, 'Raised by every change that an older program would misread.'),
  REGION_MAGIC: constant(0x0a1a_4e4f_4947_4552n, 'The bytes "REGION", 0x1a, 0x0a.'),
  LOCK_MAGIC: constant(0x0a1a_4b43_4f4c_5352n, 'The bytes "RSLOCK", 0x1a, 0x0a.'),
  SLOT_MAGIC: constant(0x5450_4b43, 'The bytes "CKPT": a checkpoint slot.'),
  SEGMENT_MAGIC: constant(0x474f_4c52, 'The bytes "RLOG": the first bytes of a log segment.'),
  RECORD_MAGIC: constant(0x4f44_4552, 'The bytes "REDO": the first bytes of a redo record.'),

  KIND_LIVE: constant(1, 'A region that is written in transactions.'),
  KIND_PACKED: constant(2, 'A frozen region: nobody may write to it.'),
  KIND_SHARED: constant(3, 'A region mapped shared by everyone: lock-free vectors.'),

  PAGE_BYTES: constant(4096, 'Unit of checksums, of tree nodes and of copying on write.'),
  LINE_BYTES: constant(64, 'Unit of the redo log and of rollback.'),
  UNIT_BYTES: constant(8, 'Unit of refs and of allocation.'),
  WINDOW_BYTES: constant(0x8000_0000n, 'No cell straddles a multiple of this (2 GiB): byte indexes stay 31-bit integers.'),
  MAXIMUM_CAPACITY_BYTES: constant(0x8_0000_0000n, '2^32 refs of 8 bytes.'),
  MINIMUM_CAPACITY_BYTES: constant(0x10_0000n, '1 MiB.'),
  SINK_BYTES: constant(0x1_0000, 'The last bytes of the capacity. A bump that runs into them is over capacity, found without a branch.'),

  IDENTITY_PAGE: constant(0, 'Written once, when the file is made.'),
  FIRST_SLOT_PAGE: constant(1, 'The two checkpoint slots are on this page and the next.'),
  ALLOCATION_PAGE: constant(3, 'Mutable allocation state.'),
  CATALOG_PAGE: constant(4, 'Root of the map of names.'),
  TYPES_PAGE: constant(5, 'Root of the map of type descriptors.'),
  CHECKSUM_PAGE: constant(6, 'First page of the table of page checksums.'),

  SEGMENT_BYTES: constant(0x4_0000, 'The log consists of segments of 256 KiB.'),
  SEGMENT_COUNT_LIMIT: constant(0x1_0000, 'Segments that a log may have: 16 GiB.'),
  READER_SLOT_COUNT: constant(1024, 'Handles that may have one region open at a time.'),

  CELL_SIZE_MASK: constant(0x0fff_ffff, 'Bits of a cell header that hold its size in units.'),
  CELL_PREVIOUS_FREE: constant(0x1000_0000, 'Set in a cell header when the cell before it is free and has a footer.'),
  CELL_FREE: constant(0x2000_0000, 'Set in the header of a free cell.'),
  CELL_HAS_MOVED: constant(0x4000_0000, 'Set in the header of a record that has moved: its last 8 bytes are the ref of the MovedCell that it left, and 0.'),
  CELL_UNOWNED: constant(0x8000_0000, 'Set in the header of a value that no entry, field or name owns.'),
  MINIMUM_CELL_UNITS: constant(3, 'A free cell holds a header, two links and a footer: 24 bytes.'),

  SIZE_CLASS_COUNT: constant(256, 'Lists of free cells: see AllocationState.freeHeads.'),

  TYPE_FREE: constant(1, 'A free cell.'),
  TYPE_NODE: constant(2, 'A tree node that is not a root.'),
  TYPE_STRING: constant(3, 'u32 length in bytes, then UTF-8.'),
  TYPE_BYTES: constant(4, 'u32 length in bytes, then the bytes.'),
  TYPE_JSON: constant(5, 'u32 length in bytes, then MessagePack.'),
  TYPE_SPILL: constant(6, 'The whole of a key too long for a node: u32 length in bytes, then the bytes.'),
  TYPE_DESCRIPTOR: constant(7, 'A type descriptor: u32 length in bytes, then JSON.'),
  TYPE_CATALOG_ENTRY: constant(8, 'A CatalogEntry.'),
  TYPE_CATALOG_ROOT: constant(9, 'Root of the catalog.'),
  TYPE_TYPES_ROOT: constant(10, 'Root of the map of type descriptors.'),
  TYPE_FREE_PAGE: constant(11, 'A page on the list of free pages; not merged with its neighbours.'),
  TYPE_OUTBOUND: constant(12, 'An OutboundReference.'),
  TYPE_DESCRIPTOR_COPIES: constant(13, 'A DescriptorCopies.'),
  TYPE_MOVED: constant(14, 'A MovedCell.'),
  FIRST_STORED_TYPE: constant(32, 'Type ids from here on are keys of the map of type descriptors.'),

  NODE_LEAF_FIXED: constant(1, 'Leaf with keys of 4 or 8 bytes.'),
  NODE_INNER_FIXED: constant(2, 'Inner node with keys of 4 or 8 bytes.'),
  NODE_LEAF_SLOTTED: constant(3, 'Leaf with keys of any length.'),
  NODE_INNER_SLOTTED: constant(4, 'Inner node with keys of any length.'),
  NODE_ANCHOR: constant(5, 'A small root whose entries have moved to the page-sized root it names.'),

  ENTRY_MAP: constant(1, 'Catalog entry of an ordered map.'),
  ENTRY_MULTIMAP: constant(2, 'Catalog entry of a multimap.'),
  ENTRY_VALUE: constant(3, 'Catalog entry of a single value.'),
  ENTRY_INDEX: constant(4, 'Catalog entry of a secondary index.'),

  FAULT_NO_SPACE: constant(1, 'ControlBlock.fault: the disk was full when the file had to grow.'),
  FAULT_REGION_FULL: constant(2, 'ControlBlock.fault: something was written past the capacity.'),
  FAULT_IO: constant(4, 'ControlBlock.fault: the disk could not give a page, or the file was cut.'),
  FAULT_CORRUPT: constant(8, 'ControlBlock.fault: an address past the end was touched that no allocation explains.'),
  FAULT_READ_ONLY: constant(16, 'ControlBlock.fault: a page that nobody may write was written to.'),

  FAULT_REVOKED: constant(32, 'ControlBlock.fault of a snapshot: somebody is revoking it, or has; ReaderSlot.state tells.'),

  READER_HANDLE: constant(1, 'ReaderSlot.state: a handle; its pin ends with the turn of its event loop.'),
  READER_SNAPSHOT: constant(2, 'ReaderSlot.state: a snapshot, which may be revoked when it holds the log back too long.'),
  READER_SNAPSHOT_KEPT: constant(3, 'ReaderSlot.state: a snapshot that has given out memory in place and cannot be revoked any more.'),
  READER_REVOKED: constant(4, 'ReaderSlot.state: a revoked snapshot; its pin does not count.'),
  READER_IDLE: constant(5, 'ReaderSlot.state: the view of a snapshot that was closed, kept for the next one.'),

  RECORD_SYNCED: constant(1, 'Record flag: written with durability sync.'),

  VECTOR_MAGIC: constant(0x3143_4556, 'The bytes "VEC1": header of a shared vector.'),
  VECTOR_HEADER_PAGE: constant(1, 'VectorHeader: written once, when the file is made.'),
  VECTOR_MARKER_PAGE: constant(2, 'VectorMarker: what is on the disk for certain.'),
  VECTOR_WORDS_PAGE: constant(3, 'VectorWords: what everyone works on.'),
  VECTOR_FIRST_SLOT_PAGE: constant(16, 'The first slot: one page for each open handle, with its two descriptors.'),
  VECTOR_SLOT_COUNT: constant(1024, 'Handles that may have one vector open at a time.'),
  VECTOR_FIRST_CELL_PAGE: constant(1040, 'Element 0; the buckets lie end to end from here.'),
  VECTOR_BUCKET_COUNT: constant(60, 'Buckets: each twice as long as the one before.'),
  VECTOR_FIRST_BUCKET_ELEMENTS: constant(8, 'Elements of bucket 0.'),
  VECTOR_BATCH_LIMIT: constant(126, 'Elements that one descriptor can hold.'),
  VECTOR_INDEX_BITS: constant(12, 'Low bits of the descriptor word: slot * 2 + half. The other 52 are its tag.'),
  VECTOR_TYPE_BYTES: constant(3072, 'Room for the description of the element type.'),
  VECTOR_LOCK_BYTE: constant(0x4000_0000_0000_0000n, 'Byte whose lock keeps slot 0; of slot i, this + i. None of them exists in the file.'),
  VECTOR_OPEN_LOCK: constant(4096, 'Added to VECTOR_LOCK_BYTE: held while a file is opened or recovered.'),
  VECTOR_FLUSH_LOCK: constant(4097, 'Added to VECTOR_LOCK_BYTE: held by a flush.'),

  VECTOR_VACANT: constant(0x7ff4_6b76_7fa5_6361n, 'Its low bytes are the element of an emptied cell. No float or double is stored so: signalling NaN.'),

  VECTOR_NONE: constant(0, 'VectorDescriptor.kind: nothing is pending.'),
  VECTOR_PUSH: constant(1, 'VectorDescriptor.kind: the last `count` elements may still have to be written.'),
  VECTOR_POP: constant(2, 'VectorDescriptor.kind: the cell behind the last element may still have to be emptied.'),

  MARK_DIRTY: constant(0, 'VectorMarker.state: changed since the last flush.'),
  MARK_CLEAN: constant(1, 'VectorMarker.state: the disk has everything.'),
  MARK_FLUSHING: constant(2, 'VectorMarker.state: a flush is under way, nothing was changed since it began.'),
  MARK_MARKING: constant(3, 'VectorMarker.state: about to be changed; the disk may still say CLEAN.'),
} as const

type Values = { readonly [K in keyof typeof constants]: (typeof constants)[K]['value'] }

/** The same numbers without their documentation. */
export const C = Object.freeze(
  Object.fromEntries(Object.entries(constants).map(([name, { value }]) => [name, value])),
) as unknown as Values
