// Generated from formats/*.ts by formats/generate.ts. Do not edit.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

static_assert(std::endian::native == std::endian::little, "rstore files are little-endian");

namespace rstore {

/// Raised by every change that an older program would misread.
inline constexpr uint32_t kFormatVersion = 1u;

/// The bytes "REGION", 0x1a, 0x0a.
inline constexpr uint64_t kRegionMagic = 0xa1a4e4f49474552ull;

/// The bytes "RSLOCK", 0x1a, 0x0a.
inline constexpr uint64_t kLockMagic = 0xa1a4b434f4c5352ull;

/// The bytes "CKPT": a checkpoint slot.
inline constexpr uint32_t kSlotMagic = 0x54504b43u;

/// The bytes "RLOG": the first bytes of a log segment.
inline constexpr uint32_t kSegmentMagic = 0x474f4c52u;

/// The bytes "REDO": the first bytes of a redo record.
inline constexpr uint32_t kRecordMagic = 0x4f444552u;

/// A region that is written in transactions.
inline constexpr uint32_t kKindLive = 1u;

/// A frozen region: nobody may write to it.
inline constexpr uint32_t kKindPacked = 2u;

/// A region mapped shared by everyone: lock-free vectors.
inline constexpr uint32_t kKindShared = 3u;

/// Unit of checksums, of tree nodes and of copying on write.
inline constexpr uint32_t kPageBytes = 4096u;

/// Unit of the redo log and of rollback.
inline constexpr uint32_t kLineBytes = 64u;

/// Unit of refs and of allocation.
inline constexpr uint32_t kUnitBytes = 8u;

/// No cell straddles a multiple of this (2 GiB): byte indexes stay 31-bit integers.
inline constexpr uint64_t kWindowBytes = 0x80000000ull;

/// 2^32 refs of 8 bytes.
inline constexpr uint64_t kMaximumCapacityBytes = 0x800000000ull;

/// 1 MiB.
inline constexpr uint64_t kMinimumCapacityBytes = 0x100000ull;

/// The last bytes of the capacity. A bump that runs into them is over capacity, found without a branch.
inline constexpr uint32_t kSinkBytes = 0x10000u;

/// Written once, when the file is made.
inline constexpr uint32_t kIdentityPage = 0u;

/// The two checkpoint slots are on this page and the next.
inline constexpr uint32_t kFirstSlotPage = 1u;

/// Mutable allocation state.
inline constexpr uint32_t kAllocationPage = 3u;

/// Root of the map of names.
inline constexpr uint32_t kCatalogPage = 4u;

/// Root of the map of type descriptors.
inline constexpr uint32_t kTypesPage = 5u;

/// First page of the table of page checksums.
inline constexpr uint32_t kChecksumPage = 6u;

/// The log consists of segments of 256 KiB.
inline constexpr uint32_t kSegmentBytes = 0x40000u;

/// Segments that a log may have: 16 GiB.
inline constexpr uint32_t kSegmentCountLimit = 0x10000u;

/// Handles that may have one region open at a time.
inline constexpr uint32_t kReaderSlotCount = 1024u;

/// Bits of a cell header that hold its size in units.
inline constexpr uint32_t kCellSizeMask = 0xfffffffu;

/// Set in a cell header when the cell before it is free and has a footer.
inline constexpr uint32_t kCellPreviousFree = 0x10000000u;

/// Set in the header of a free cell.
inline constexpr uint32_t kCellFree = 0x20000000u;

/// Set in the header of a record that has moved: its last 8 bytes are the ref of the MovedCell that it left, and 0.
inline constexpr uint32_t kCellHasMoved = 0x40000000u;

/// Set in the header of a value that no entry, field or name owns.
inline constexpr uint32_t kCellUnowned = 0x80000000u;

/// A free cell holds a header, two links and a footer: 24 bytes.
inline constexpr uint32_t kMinimumCellUnits = 3u;

/// Lists of free cells: see AllocationState.freeHeads.
inline constexpr uint32_t kSizeClassCount = 256u;

/// A free cell.
inline constexpr uint32_t kTypeFree = 1u;

/// A tree node that is not a root.
inline constexpr uint32_t kTypeNode = 2u;

/// u32 length in bytes, then UTF-8.
inline constexpr uint32_t kTypeString = 3u;

/// u32 length in bytes, then the bytes.
inline constexpr uint32_t kTypeBytes = 4u;

/// u32 length in bytes, then MessagePack.
inline constexpr uint32_t kTypeJson = 5u;

/// The whole of a key too long for a node: u32 length in bytes, then the bytes.
inline constexpr uint32_t kTypeSpill = 6u;

/// A type descriptor: u32 length in bytes, then JSON.
inline constexpr uint32_t kTypeDescriptor = 7u;

/// A CatalogEntry.
inline constexpr uint32_t kTypeCatalogEntry = 8u;

/// Root of the catalog.
inline constexpr uint32_t kTypeCatalogRoot = 9u;

/// Root of the map of type descriptors.
inline constexpr uint32_t kTypeTypesRoot = 10u;

/// A page on the list of free pages; not merged with its neighbours.
inline constexpr uint32_t kTypeFreePage = 11u;

/// An OutboundReference.
inline constexpr uint32_t kTypeOutbound = 12u;

/// A DescriptorCopies.
inline constexpr uint32_t kTypeDescriptorCopies = 13u;

/// A MovedCell.
inline constexpr uint32_t kTypeMoved = 14u;

/// Type ids from here on are keys of the map of type descriptors.
inline constexpr uint32_t kFirstStoredType = 32u;

/// Leaf with keys of 4 or 8 bytes.
inline constexpr uint32_t kNodeLeafFixed = 1u;

/// Inner node with keys of 4 or 8 bytes.
inline constexpr uint32_t kNodeInnerFixed = 2u;

/// Leaf with keys of any length.
inline constexpr uint32_t kNodeLeafSlotted = 3u;

/// Inner node with keys of any length.
inline constexpr uint32_t kNodeInnerSlotted = 4u;

/// A small root whose entries have moved to the page-sized root it names.
inline constexpr uint32_t kNodeAnchor = 5u;

/// Catalog entry of an ordered map.
inline constexpr uint32_t kEntryMap = 1u;

/// Catalog entry of a multimap.
inline constexpr uint32_t kEntryMultimap = 2u;

/// Catalog entry of a single value.
inline constexpr uint32_t kEntryValue = 3u;

/// Catalog entry of a secondary index.
inline constexpr uint32_t kEntryIndex = 4u;

/// ControlBlock.fault: the disk was full when the file had to grow.
inline constexpr uint32_t kFaultNoSpace = 1u;

/// ControlBlock.fault: something was written past the capacity.
inline constexpr uint32_t kFaultRegionFull = 2u;

/// ControlBlock.fault: the disk could not give a page, or the file was cut.
inline constexpr uint32_t kFaultIo = 4u;

/// ControlBlock.fault: an address past the end was touched that no allocation explains.
inline constexpr uint32_t kFaultCorrupt = 8u;

/// ControlBlock.fault: a page that nobody may write was written to.
inline constexpr uint32_t kFaultReadOnly = 16u;

/// ControlBlock.fault of a snapshot: somebody is revoking it, or has; ReaderSlot.state tells.
inline constexpr uint32_t kFaultRevoked = 32u;

/// ReaderSlot.state: a handle; its pin ends with the turn of its event loop.
inline constexpr uint32_t kReaderHandle = 1u;

/// ReaderSlot.state: a snapshot, which may be revoked when it holds the log back too long.
inline constexpr uint32_t kReaderSnapshot = 2u;

/// ReaderSlot.state: a snapshot that has given out memory in place and cannot be revoked any more.
inline constexpr uint32_t kReaderSnapshotKept = 3u;

/// ReaderSlot.state: a revoked snapshot; its pin does not count.
inline constexpr uint32_t kReaderRevoked = 4u;

/// ReaderSlot.state: the view of a snapshot that was closed, kept for the next one.
inline constexpr uint32_t kReaderIdle = 5u;

/// Record flag: written with durability sync.
inline constexpr uint32_t kRecordSynced = 1u;

/// The bytes "VEC1": header of a shared vector.
inline constexpr uint32_t kVectorMagic = 0x31434556u;

/// VectorHeader: written once, when the file is made.
inline constexpr uint32_t kVectorHeaderPage = 1u;

/// VectorMarker: what is on the disk for certain.
inline constexpr uint32_t kVectorMarkerPage = 2u;

/// VectorWords: what everyone works on.
inline constexpr uint32_t kVectorWordsPage = 3u;

/// The first slot: one page for each open handle, with its two descriptors.
inline constexpr uint32_t kVectorFirstSlotPage = 16u;

/// Handles that may have one vector open at a time.
inline constexpr uint32_t kVectorSlotCount = 1024u;

/// Element 0; the buckets lie end to end from here.
inline constexpr uint32_t kVectorFirstCellPage = 1040u;

/// Buckets: each twice as long as the one before.
inline constexpr uint32_t kVectorBucketCount = 60u;

/// Elements of bucket 0.
inline constexpr uint32_t kVectorFirstBucketElements = 8u;

/// Elements that one descriptor can hold.
inline constexpr uint32_t kVectorBatchLimit = 126u;

/// Low bits of the descriptor word: slot * 2 + half. The other 52 are its tag.
inline constexpr uint32_t kVectorIndexBits = 12u;

/// Room for the description of the element type.
inline constexpr uint32_t kVectorTypeBytes = 3072u;

/// Byte whose lock keeps slot 0; of slot i, this + i. None of them exists in the file.
inline constexpr uint64_t kVectorLockByte = 0x4000000000000000ull;

/// Added to VECTOR_LOCK_BYTE: held while a file is opened or recovered.
inline constexpr uint32_t kVectorOpenLock = 4096u;

/// Added to VECTOR_LOCK_BYTE: held by a flush.
inline constexpr uint32_t kVectorFlushLock = 4097u;

/// Its low bytes are the element of an emptied cell. No float or double is stored so: signalling NaN.
inline constexpr uint64_t kVectorVacant = 0x7ff46b767fa56361ull;

/// VectorDescriptor.kind: nothing is pending.
inline constexpr uint32_t kVectorNone = 0u;

/// VectorDescriptor.kind: the last `count` elements may still have to be written.
inline constexpr uint32_t kVectorPush = 1u;

/// VectorDescriptor.kind: the cell behind the last element may still have to be emptied.
inline constexpr uint32_t kVectorPop = 2u;

/// VectorMarker.state: changed since the last flush.
inline constexpr uint32_t kMarkDirty = 0u;

/// VectorMarker.state: the disk has everything.
inline constexpr uint32_t kMarkClean = 1u;

/// VectorMarker.state: a flush is under way, nothing was changed since it began.
inline constexpr uint32_t kMarkFlushing = 2u;

/// VectorMarker.state: about to be changed; the disk may still say CLEAN.
inline constexpr uint32_t kMarkMarking = 3u;

/// Page 3: part of every transaction, through the log.
struct AllocationState {
  /// First unit that was never allocated.
  uint32_t frontierUnits;
  /// Units in live cells.
  uint32_t allocatedUnits;
  /// Units in free cells; free pages and the page run are not among them.
  uint32_t freeUnits;
  /// Ref of the first free page of a LIFO list, 0 when empty; the link is the first word behind the cell header.
  uint32_t freePageHead;
  /// Length of that list.
  uint32_t freePageCount;
  /// Ref of the next page of the run that nodes are taken from. What is left of the run is one cell of TYPE_FREE_PAGE.
  uint32_t pageRunNext;
  /// Ref behind the last page of that run.
  uint32_t pageRunEnd;
  /// Type id that the next new descriptor gets.
  uint32_t nextTypeId;
  /// Bit i is set when secondLevelBitmaps[i] is not 0.
  uint32_t firstLevelBitmap;
  /// Zero; checked on reading.
  uint8_t reservedBitmap[4];
  /// Bit j of byte i is set when list 8 i + j is not empty.
  uint8_t secondLevelBitmaps[32];
  /// First free cell of each size class; see SPEC.md for the classes.
  uint32_t freeHeads[256];
  /// Ref of the free cell that ends at the frontier, or 0: the next cell taken off the frontier gets CELL_PREVIOUS_FREE.
  uint32_t lastFree;
  /// First OutboundReference of a region in a store, 0 when it names no packed region.
  uint32_t outboundHead;
  /// The newest DescriptorCopies, 0 while no type is stored.
  uint32_t copiesHead;
  /// Zero; checked on reading.
  uint8_t reserved[2988];
};
static_assert(sizeof(AllocationState) == 4096);
static_assert(std::is_trivially_copyable_v<AllocationState>);
static_assert(std::is_standard_layout_v<AllocationState>);
static_assert(offsetof(AllocationState, frontierUnits) == 0);
static_assert(offsetof(AllocationState, allocatedUnits) == 4);
static_assert(offsetof(AllocationState, freeUnits) == 8);
static_assert(offsetof(AllocationState, freePageHead) == 12);
static_assert(offsetof(AllocationState, freePageCount) == 16);
static_assert(offsetof(AllocationState, pageRunNext) == 20);
static_assert(offsetof(AllocationState, pageRunEnd) == 24);
static_assert(offsetof(AllocationState, nextTypeId) == 28);
static_assert(offsetof(AllocationState, firstLevelBitmap) == 32);
static_assert(offsetof(AllocationState, reservedBitmap) == 36);
static_assert(offsetof(AllocationState, secondLevelBitmaps) == 40);
static_assert(offsetof(AllocationState, freeHeads) == 72);
static_assert(offsetof(AllocationState, lastFree) == 1096);
static_assert(offsetof(AllocationState, outboundHead) == 1100);
static_assert(offsetof(AllocationState, copiesHead) == 1104);
static_assert(offsetof(AllocationState, reserved) == 1108);

/// Value of the map of names: what a name stands for. Behind it the name, a second time, as UTF-8.
struct CatalogEntry {
  /// As in CellHeader.
  uint32_t sizeAndFlags;
  /// TYPE_CATALOG_ENTRY.
  uint16_t typeId;
  /// As in CellHeader.
  uint16_t generation;
  /// ENTRY_MAP, ENTRY_MULTIMAP, ENTRY_VALUE or ENTRY_INDEX.
  uint32_t kind;
  /// Ref of the root node, or of the value.
  uint32_t root;
  /// Type id of the keys, 0 for a value.
  uint32_t keyType;
  /// Type id of the values.
  uint32_t valueType;
  /// Index: ref of its descriptor (JSON); else 0.
  uint32_t auxiliary;
  /// Bytes of the name behind this; 0: it is not there a second time.
  uint32_t nameBytes;
};
static_assert(sizeof(CatalogEntry) == 32);
static_assert(std::is_trivially_copyable_v<CatalogEntry>);
static_assert(std::is_standard_layout_v<CatalogEntry>);
static_assert(offsetof(CatalogEntry, sizeAndFlags) == 0);
static_assert(offsetof(CatalogEntry, typeId) == 4);
static_assert(offsetof(CatalogEntry, generation) == 6);
static_assert(offsetof(CatalogEntry, kind) == 8);
static_assert(offsetof(CatalogEntry, root) == 12);
static_assert(offsetof(CatalogEntry, keyType) == 16);
static_assert(offsetof(CatalogEntry, valueType) == 20);
static_assert(offsetof(CatalogEntry, auxiliary) == 24);
static_assert(offsetof(CatalogEntry, nameBytes) == 28);

/// The first 8 bytes of every cell; a ref names them.
struct CellHeader {
  /// Size of the whole cell in units, CELL_PREVIOUS_FREE, CELL_FREE, CELL_HAS_MOVED, CELL_UNOWNED.
  uint32_t sizeAndFlags;
  /// What the cell holds; never 0.
  uint16_t typeId;
  /// Raised when the cell is freed.
  uint16_t generation;
};
static_assert(sizeof(CellHeader) == 8);
static_assert(std::is_trivially_copyable_v<CellHeader>);
static_assert(std::is_standard_layout_v<CellHeader>);
static_assert(offsetof(CellHeader, sizeAndFlags) == 0);
static_assert(offsetof(CellHeader, typeId) == 4);
static_assert(offsetof(CellHeader, generation) == 6);

/// Start of pages 1 and 2; the rest of the page is zero. The valid slot with the higher sequence counts.
struct CheckpointSlot {
  /// SLOT_MAGIC.
  uint32_t magic;
  /// 1 when no log is needed: the file alone is complete.
  uint32_t clean;
  /// Raised by every write of a slot.
  uint64_t sequence;
  /// Every commit up to this one is in the file.
  uint64_t epoch;
  /// End of the committed data, in units of 8 bytes.
  uint64_t endUnits;
  /// Logical position of the first record behind `epoch`.
  uint64_t logPosition;
  /// Random, new whenever a log is begun; seeds the checksums of its segments and records.
  uint64_t logSalt;
  /// Checksum of the record of `epoch`: seeds the next.
  uint32_t logChecksum;
  /// Zero; checked on reading.
  uint8_t reserved[4];
  /// Tails written by commits up to this one are on the disk and need not be proven.
  uint64_t durableTailEpoch;
  /// That of the identity.
  uint64_t generation;
  /// Milliseconds since 1970.
  uint64_t writtenMs;
  /// Zero; checked on reading.
  uint8_t reservedTail[44];
  /// CRC-32C of the 124 bytes before it.
  uint32_t checksum;
};
static_assert(sizeof(CheckpointSlot) == 128);
static_assert(std::is_trivially_copyable_v<CheckpointSlot>);
static_assert(std::is_standard_layout_v<CheckpointSlot>);
static_assert(offsetof(CheckpointSlot, magic) == 0);
static_assert(offsetof(CheckpointSlot, clean) == 4);
static_assert(offsetof(CheckpointSlot, sequence) == 8);
static_assert(offsetof(CheckpointSlot, epoch) == 16);
static_assert(offsetof(CheckpointSlot, endUnits) == 24);
static_assert(offsetof(CheckpointSlot, logPosition) == 32);
static_assert(offsetof(CheckpointSlot, logSalt) == 40);
static_assert(offsetof(CheckpointSlot, logChecksum) == 48);
static_assert(offsetof(CheckpointSlot, reserved) == 52);
static_assert(offsetof(CheckpointSlot, durableTailEpoch) == 56);
static_assert(offsetof(CheckpointSlot, generation) == 64);
static_assert(offsetof(CheckpointSlot, writtenMs) == 72);
static_assert(offsetof(CheckpointSlot, reservedTail) == 80);
static_assert(offsetof(CheckpointSlot, checksum) == 124);

/// One for each view. TypeScript reads and writes it as typed-array elements, the fault handler as words.
struct ControlBlock {
  /// FAULT_… bits, set by the fault handler; looked at before a result is returned.
  uint32_t fault;
  /// Faults served.
  uint32_t faultCount;
  /// Page of the last fault that set a bit.
  uint32_t faultPage;
  /// 1 inside a transaction: faults near the frontier extend the file.
  uint32_t growing;
  /// First unit that was never allocated, as the running transaction sees it.
  uint32_t frontierUnits;
  /// Capacity less SINK_BYTES, in units.
  uint32_t capacityUnits;
  /// End of the committed data in this view.
  uint32_t endUnits;
  /// Raised whenever committed content of this view changes under its reader: refresh, restart, rollback.
  uint32_t contentSerial;
  /// The commit that this view shows.
  uint64_t epoch;
  /// 1 when a write or sync through this view failed: latched.
  uint32_t failed;
  /// Pages of this view that differ from the file, or may.
  uint32_t privatePageCount;
  /// errno of the system call that failed last.
  uint32_t lastError;
  /// Raised whenever the view moved over to a compacted file.
  uint32_t replacements;
  /// The highest frontier of the running transaction that was lowered again; 0: none was.
  uint32_t highUnits;
  /// Where what was written to the file ahead of the commit ends, a whole page; 0: nothing was.
  uint32_t aheadUnits;
  /// Zero; checked on reading.
  uint8_t reserved[192];
};
static_assert(sizeof(ControlBlock) == 256);
static_assert(std::is_trivially_copyable_v<ControlBlock>);
static_assert(std::is_standard_layout_v<ControlBlock>);
static_assert(offsetof(ControlBlock, fault) == 0);
static_assert(offsetof(ControlBlock, faultCount) == 4);
static_assert(offsetof(ControlBlock, faultPage) == 8);
static_assert(offsetof(ControlBlock, growing) == 12);
static_assert(offsetof(ControlBlock, frontierUnits) == 16);
static_assert(offsetof(ControlBlock, capacityUnits) == 20);
static_assert(offsetof(ControlBlock, endUnits) == 24);
static_assert(offsetof(ControlBlock, contentSerial) == 28);
static_assert(offsetof(ControlBlock, epoch) == 32);
static_assert(offsetof(ControlBlock, failed) == 40);
static_assert(offsetof(ControlBlock, privatePageCount) == 44);
static_assert(offsetof(ControlBlock, lastError) == 48);
static_assert(offsetof(ControlBlock, replacements) == 52);
static_assert(offsetof(ControlBlock, highUnits) == 56);
static_assert(offsetof(ControlBlock, aheadUnits) == 60);
static_assert(offsetof(ControlBlock, reserved) == 64);

/// A page of second copies of type descriptors: DescriptorParts behind this.
struct DescriptorCopies {
  /// As in CellHeader; a page.
  uint32_t sizeAndFlags;
  /// TYPE_DESCRIPTOR_COPIES.
  uint16_t typeId;
  /// As in CellHeader.
  uint16_t generation;
  /// The DescriptorCopies that was begun before this one, or 0.
  uint32_t next;
  /// Bytes of the parts behind this.
  uint32_t usedBytes;
};
static_assert(sizeof(DescriptorCopies) == 16);
static_assert(std::is_trivially_copyable_v<DescriptorCopies>);
static_assert(std::is_standard_layout_v<DescriptorCopies>);
static_assert(offsetof(DescriptorCopies, sizeAndFlags) == 0);
static_assert(offsetof(DescriptorCopies, typeId) == 4);
static_assert(offsetof(DescriptorCopies, generation) == 6);
static_assert(offsetof(DescriptorCopies, next) == 8);
static_assert(offsetof(DescriptorCopies, usedBytes) == 12);

/// A type descriptor, or as much of it as a page holds; the bytes behind this, then zeros up to a multiple of 8.
struct DescriptorPart {
  /// The type.
  uint32_t typeId;
  /// Where in the descriptor this part begins, in bytes.
  uint32_t from;
  /// Bytes of the whole descriptor.
  uint32_t length;
  /// Bytes of this part, 1 to 4,064.
  uint32_t bytes;
};
static_assert(sizeof(DescriptorPart) == 16);
static_assert(std::is_trivially_copyable_v<DescriptorPart>);
static_assert(std::is_standard_layout_v<DescriptorPart>);
static_assert(offsetof(DescriptorPart, typeId) == 0);
static_assert(offsetof(DescriptorPart, from) == 4);
static_assert(offsetof(DescriptorPart, length) == 8);
static_assert(offsetof(DescriptorPart, bytes) == 12);

/// A free cell: its last 8 bytes repeat the size, for the cell behind it to find its start.
struct FreeCell {
  /// As in CellHeader.
  uint32_t sizeAndFlags;
  /// TYPE_FREE.
  uint16_t typeId;
  /// As in CellHeader.
  uint16_t generation;
  /// Next free cell of the class, or 0.
  uint32_t next;
  /// Previous free cell of the class, or 0.
  uint32_t previous;
  /// Size in units. In a larger free cell this field is at the end, not here.
  uint32_t footerUnits;
  /// Zero; checked on reading.
  uint8_t footerReserved[4];
};
static_assert(sizeof(FreeCell) == 24);
static_assert(std::is_trivially_copyable_v<FreeCell>);
static_assert(std::is_standard_layout_v<FreeCell>);
static_assert(offsetof(FreeCell, sizeAndFlags) == 0);
static_assert(offsetof(FreeCell, typeId) == 4);
static_assert(offsetof(FreeCell, generation) == 6);
static_assert(offsetof(FreeCell, next) == 8);
static_assert(offsetof(FreeCell, previous) == 12);
static_assert(offsetof(FreeCell, footerUnits) == 16);
static_assert(offsetof(FreeCell, footerReserved) == 20);

/// Page 0. Written once, when the file is made; replaced only with the whole file.
struct Identity {
  /// REGION_MAGIC.
  uint64_t magic;
  /// FORMAT_VERSION of the program that made the file.
  uint32_t formatVersion;
  /// KIND_LIVE, KIND_PACKED or KIND_SHARED.
  uint32_t kind;
  /// Random; of a packed region, the hash of its content.
  uint8_t uuid[16];
  /// Raised when the file is replaced by a compacted one.
  uint64_t generation;
  /// Upper bound of the file, a multiple of 64 KiB.
  uint64_t capacityBytes;
  /// PAGE_BYTES.
  uint32_t pageBytes;
  /// Pages of the checksum table: 4 bytes for each page of the capacity.
  uint32_t checksumPageCount;
  /// First page behind the checksum table: cells and nodes begin here.
  uint32_t firstDataPage;
  /// Zero.
  uint32_t flags;
  /// Packed: ref of the root; else 0.
  uint32_t rootRef;
  /// Packed: type id of the root; else 0.
  uint32_t rootType;
  /// Packed: end of the data in units; else 0.
  uint64_t endUnits;
  /// Milliseconds since 1970, 0 in a packed region.
  uint64_t createdMs;
  /// Zero; checked on reading.
  uint8_t reserved[4000];
  /// Zero; checked on reading.
  uint8_t reservedTail[4];
  /// CRC-32C of the 4,092 bytes before it.
  uint32_t checksum;
};
static_assert(sizeof(Identity) == 4096);
static_assert(std::is_trivially_copyable_v<Identity>);
static_assert(std::is_standard_layout_v<Identity>);
static_assert(offsetof(Identity, magic) == 0);
static_assert(offsetof(Identity, formatVersion) == 8);
static_assert(offsetof(Identity, kind) == 12);
static_assert(offsetof(Identity, uuid) == 16);
static_assert(offsetof(Identity, generation) == 32);
static_assert(offsetof(Identity, capacityBytes) == 40);
static_assert(offsetof(Identity, pageBytes) == 48);
static_assert(offsetof(Identity, checksumPageCount) == 52);
static_assert(offsetof(Identity, firstDataPage) == 56);
static_assert(offsetof(Identity, flags) == 60);
static_assert(offsetof(Identity, rootRef) == 64);
static_assert(offsetof(Identity, rootType) == 68);
static_assert(offsetof(Identity, endUnits) == 72);
static_assert(offsetof(Identity, createdMs) == 80);
static_assert(offsetof(Identity, reserved) == 88);
static_assert(offsetof(Identity, reservedTail) == 4088);
static_assert(offsetof(Identity, checksum) == 4092);

/// Page 0.
struct LockHeader {
  /// LOCK_MAGIC.
  uint64_t magic;
  /// FORMAT_VERSION.
  uint32_t formatVersion;
  /// 1 when the first opener has finished recovery.
  uint32_t ready;
  /// That of the region.
  uint8_t uuid[16];
  /// That of the region.
  uint64_t generation;
  /// READER_SLOT_COUNT.
  uint32_t readerSlotCount;
  /// Zero; checked on reading.
  uint8_t reserved[4];
  /// Of the region file: which file the lock file is for.
  uint64_t device;
  /// The same.
  uint64_t inode;
  /// Zero; checked on reading.
  uint8_t reservedTail[4032];
};
static_assert(sizeof(LockHeader) == 4096);
static_assert(std::is_trivially_copyable_v<LockHeader>);
static_assert(std::is_standard_layout_v<LockHeader>);
static_assert(offsetof(LockHeader, magic) == 0);
static_assert(offsetof(LockHeader, formatVersion) == 8);
static_assert(offsetof(LockHeader, ready) == 12);
static_assert(offsetof(LockHeader, uuid) == 16);
static_assert(offsetof(LockHeader, generation) == 32);
static_assert(offsetof(LockHeader, readerSlotCount) == 40);
static_assert(offsetof(LockHeader, reserved) == 44);
static_assert(offsetof(LockHeader, device) == 48);
static_assert(offsetof(LockHeader, inode) == 56);
static_assert(offsetof(LockHeader, reservedTail) == 64);

/// Where a record was before it grew with its type: it leads refs on.
struct MovedCell {
  /// As in CellHeader; without CELL_HAS_MOVED.
  uint32_t sizeAndFlags;
  /// TYPE_MOVED.
  uint16_t typeId;
  /// As in CellHeader.
  uint16_t generation;
  /// Ref of the cell that the record moved to: the record, or another MovedCell.
  uint32_t next;
  /// Ref of the MovedCell that the record had left when it came here, or 0.
  uint32_t previous;
};
static_assert(sizeof(MovedCell) == 16);
static_assert(std::is_trivially_copyable_v<MovedCell>);
static_assert(std::is_standard_layout_v<MovedCell>);
static_assert(offsetof(MovedCell, sizeAndFlags) == 0);
static_assert(offsetof(MovedCell, typeId) == 4);
static_assert(offsetof(MovedCell, generation) == 6);
static_assert(offsetof(MovedCell, next) == 8);
static_assert(offsetof(MovedCell, previous) == 12);

/// What a multimap is named by: its cell never moves.
struct MultimapCell {
  /// As in CellHeader.
  uint32_t sizeAndFlags;
  /// That of the type of the multimap.
  uint16_t typeId;
  /// As in CellHeader.
  uint16_t generation;
  /// Root of the tree from keys to roots of trees of values.
  uint32_t tree;
  /// Pairs of key and value.
  uint32_t pairCount;
};
static_assert(sizeof(MultimapCell) == 16);
static_assert(std::is_trivially_copyable_v<MultimapCell>);
static_assert(std::is_standard_layout_v<MultimapCell>);
static_assert(offsetof(MultimapCell, sizeAndFlags) == 0);
static_assert(offsetof(MultimapCell, typeId) == 4);
static_assert(offsetof(MultimapCell, generation) == 6);
static_assert(offsetof(MultimapCell, tree) == 8);
static_assert(offsetof(MultimapCell, pairCount) == 12);

/// The first 32 bytes of every node, the cell header included.
struct NodeHeader {
  /// As in CellHeader.
  uint32_t sizeAndFlags;
  /// TYPE_NODE, or in a root the type id of the map (TYPE_CATALOG_ROOT, TYPE_TYPES_ROOT for those).
  uint16_t typeId;
  /// As in CellHeader.
  uint16_t generation;
  /// NODE_…
  uint8_t kind;
  /// 0 in a leaf.
  uint8_t level;
  /// Keys in the node. An inner node has one child more.
  uint16_t count;
  /// Fixed: 4 or 8. Slotted: 0.
  uint8_t keyBytes;
  /// Leaf: 0, 4 or 8. Inner node: 4, a child ref.
  uint8_t valueBytes;
  /// Zero.
  uint16_t flags;
  /// Root: entries of the whole map; else 0.
  uint32_t entryCount;
  /// Slotted: offset of the lowest heap byte. The heap grows down from the end of the node.
  uint16_t heapStart;
  /// Slotted: heap bytes that no slot names.
  uint16_t heapGarbage;
  /// Slotted: length of the prefix that all keys between the fences share.
  uint16_t prefixBytes;
  /// Slotted: where in the heap it is.
  uint16_t prefixOffset;
  /// Inner node: the child before the first key. Anchor: the page-sized root. Leaf: 0.
  uint32_t firstChild;
};
static_assert(sizeof(NodeHeader) == 32);
static_assert(std::is_trivially_copyable_v<NodeHeader>);
static_assert(std::is_standard_layout_v<NodeHeader>);
static_assert(offsetof(NodeHeader, sizeAndFlags) == 0);
static_assert(offsetof(NodeHeader, typeId) == 4);
static_assert(offsetof(NodeHeader, generation) == 6);
static_assert(offsetof(NodeHeader, kind) == 8);
static_assert(offsetof(NodeHeader, level) == 9);
static_assert(offsetof(NodeHeader, count) == 10);
static_assert(offsetof(NodeHeader, keyBytes) == 12);
static_assert(offsetof(NodeHeader, valueBytes) == 13);
static_assert(offsetof(NodeHeader, flags) == 14);
static_assert(offsetof(NodeHeader, entryCount) == 16);
static_assert(offsetof(NodeHeader, heapStart) == 20);
static_assert(offsetof(NodeHeader, heapGarbage) == 22);
static_assert(offsetof(NodeHeader, prefixBytes) == 24);
static_assert(offsetof(NodeHeader, prefixOffset) == 26);
static_assert(offsetof(NodeHeader, firstChild) == 28);

/// A region of a store that names a packed region: one cell for each that it names, in a list by id.
struct OutboundReference {
  /// As in CellHeader.
  uint32_t sizeAndFlags;
  /// TYPE_OUTBOUND.
  uint16_t typeId;
  /// As in CellHeader.
  uint16_t generation;
  /// The next of the list, or 0.
  uint32_t next;
  /// Id of the packed region in the store; 0 in the first cell, which names nothing.
  uint32_t regionId;
  /// Fields and entries of this region that name it; 0 in the first cell only.
  uint32_t count;
  /// Number of further links (u32) behind this; 11 in the first cell.
  uint32_t links;
};
static_assert(sizeof(OutboundReference) == 24);
static_assert(std::is_trivially_copyable_v<OutboundReference>);
static_assert(std::is_standard_layout_v<OutboundReference>);
static_assert(offsetof(OutboundReference, sizeAndFlags) == 0);
static_assert(offsetof(OutboundReference, typeId) == 4);
static_assert(offsetof(OutboundReference, generation) == 6);
static_assert(offsetof(OutboundReference, next) == 8);
static_assert(offsetof(OutboundReference, regionId) == 12);
static_assert(offsetof(OutboundReference, count) == 16);
static_assert(offsetof(OutboundReference, links) == 20);

/// Which lines of a page a record changes.
struct PageEntry {
  /// Page of the region file.
  uint32_t page;
  /// Zero; checked on reading.
  uint8_t reserved[4];
  /// Bit i: line i of the page follows.
  uint64_t mask;
};
static_assert(sizeof(PageEntry) == 16);
static_assert(std::is_trivially_copyable_v<PageEntry>);
static_assert(std::is_standard_layout_v<PageEntry>);
static_assert(offsetof(PageEntry, page) == 0);
static_assert(offsetof(PageEntry, reserved) == 4);
static_assert(offsetof(PageEntry, mask) == 8);

/// Pages 2 to 17: one for each open handle. Its owner is alive while it holds the lock on the byte of that number.
struct ReaderSlot {
  /// 0 free, or READER_….
  uint32_t state;
  /// Raised whenever the slot is taken.
  uint32_t generation;
  /// The commit that this handle reads; 0 when it reads none.
  uint64_t pinEpoch;
  /// When it began to, milliseconds since 1970; for people.
  uint64_t pinnedMs;
  /// Process; for people.
  uint32_t pid;
  /// Thread; for people.
  uint32_t threadId;
  /// The same on the clock that nobody can set (CLOCK_MONOTONIC): its age.
  uint64_t pinnedTickMs;
  /// Zero; checked on reading.
  uint8_t reserved[24];
};
static_assert(sizeof(ReaderSlot) == 64);
static_assert(std::is_trivially_copyable_v<ReaderSlot>);
static_assert(std::is_standard_layout_v<ReaderSlot>);
static_assert(offsetof(ReaderSlot, state) == 0);
static_assert(offsetof(ReaderSlot, generation) == 4);
static_assert(offsetof(ReaderSlot, pinEpoch) == 8);
static_assert(offsetof(ReaderSlot, pinnedMs) == 16);
static_assert(offsetof(ReaderSlot, pid) == 24);
static_assert(offsetof(ReaderSlot, threadId) == 28);
static_assert(offsetof(ReaderSlot, pinnedTickMs) == 32);
static_assert(offsetof(ReaderSlot, reserved) == 40);

/// One commit. Followed by pageCount PageEntry, tailPageCount u32 checksums (padded to 8 bytes), lineCount lines of 64 bytes. A record may run over segments; its header never does.
struct RedoRecord {
  /// RECORD_MAGIC.
  uint32_t magic;
  /// CRC-32C of the whole record from byte 8 on, seeded by the checksum of the record before it; of the first record of a log, by logSalt.
  uint32_t checksum;
  /// That of the record before it, plus 1.
  uint64_t epoch;
  /// Length with everything that follows, a multiple of 8.
  uint64_t recordBytes;
  /// End of the committed data after this commit.
  uint64_t endUnits;
  /// When this was written, tails of commits up to this one were on the disk.
  uint64_t durableTailEpoch;
  /// Milliseconds since 1970, to a tick of the system; for people.
  uint64_t committedMs;
  /// RECORD_…
  uint32_t flags;
  /// Page entries that follow.
  uint32_t pageCount;
  /// Lines that follow: the bits set in all masks.
  uint32_t lineCount;
  /// First page written straight to the region file, or 0.
  uint32_t tailFirstPage;
  /// How many.
  uint32_t tailPageCount;
  /// Process that committed; for people.
  uint32_t writerPid;
  /// That of the segment.
  uint64_t logSalt;
  /// When this was written, the log was on the disk up to this commit.
  uint64_t syncedEpoch;
  /// As logSalt: a header of which only a part was written is none.
  uint64_t logSaltAgain;
};
static_assert(sizeof(RedoRecord) == 96);
static_assert(std::is_trivially_copyable_v<RedoRecord>);
static_assert(std::is_standard_layout_v<RedoRecord>);
static_assert(offsetof(RedoRecord, magic) == 0);
static_assert(offsetof(RedoRecord, checksum) == 4);
static_assert(offsetof(RedoRecord, epoch) == 8);
static_assert(offsetof(RedoRecord, recordBytes) == 16);
static_assert(offsetof(RedoRecord, endUnits) == 24);
static_assert(offsetof(RedoRecord, durableTailEpoch) == 32);
static_assert(offsetof(RedoRecord, committedMs) == 40);
static_assert(offsetof(RedoRecord, flags) == 48);
static_assert(offsetof(RedoRecord, pageCount) == 52);
static_assert(offsetof(RedoRecord, lineCount) == 56);
static_assert(offsetof(RedoRecord, tailFirstPage) == 60);
static_assert(offsetof(RedoRecord, tailPageCount) == 64);
static_assert(offsetof(RedoRecord, writerPid) == 68);
static_assert(offsetof(RedoRecord, logSalt) == 72);
static_assert(offsetof(RedoRecord, syncedEpoch) == 80);
static_assert(offsetof(RedoRecord, logSaltAgain) == 88);

/// Pages 18 on: what each physical segment of the log holds, and where each logical one is.
struct SegmentEntry {
  /// Logical segment that physical segment i holds, plus 1; 0 when it holds none.
  uint64_t logicalSegment;
  /// The last commit with bytes in it.
  uint64_t lastEpoch;
  /// Where the logical segments are that are congruent to i.
  uint32_t physicalSegment;
  /// Zero; checked on reading.
  uint8_t reserved[4];
};
static_assert(sizeof(SegmentEntry) == 24);
static_assert(std::is_trivially_copyable_v<SegmentEntry>);
static_assert(std::is_standard_layout_v<SegmentEntry>);
static_assert(offsetof(SegmentEntry, logicalSegment) == 0);
static_assert(offsetof(SegmentEntry, lastEpoch) == 8);
static_assert(offsetof(SegmentEntry, physicalSegment) == 16);
static_assert(offsetof(SegmentEntry, reserved) == 20);

/// The first bytes of each SEGMENT_BYTES of the log file.
struct SegmentHeader {
  /// SEGMENT_MAGIC.
  uint32_t magic;
  /// FORMAT_VERSION.
  uint32_t formatVersion;
  /// That of the region.
  uint8_t uuid[16];
  /// That of the region.
  uint64_t generation;
  /// That of the checkpoint slot.
  uint64_t logSalt;
  /// Which part of the log this is: logical position / SEGMENT_BYTES. Segments are reused in any order.
  uint64_t logicalSegment;
  /// Zero; checked on reading.
  uint8_t reserved[12];
  /// CRC-32C of the 60 bytes before it.
  uint32_t checksum;
};
static_assert(sizeof(SegmentHeader) == 64);
static_assert(std::is_trivially_copyable_v<SegmentHeader>);
static_assert(std::is_standard_layout_v<SegmentHeader>);
static_assert(offsetof(SegmentHeader, magic) == 0);
static_assert(offsetof(SegmentHeader, formatVersion) == 4);
static_assert(offsetof(SegmentHeader, uuid) == 8);
static_assert(offsetof(SegmentHeader, generation) == 24);
static_assert(offsetof(SegmentHeader, logSalt) == 32);
static_assert(offsetof(SegmentHeader, logicalSegment) == 40);
static_assert(offsetof(SegmentHeader, reserved) == 48);
static_assert(offsetof(SegmentHeader, checksum) == 60);

/// Page 1: each word on cache lines of its own.
struct SharedWords {
  /// The last commit that anybody may see.
  uint64_t publishedEpoch;
  /// Zero; checked on reading.
  uint8_t reserved0[120];
  /// 0, or the holder: slot index + 1 in the low half, its generation in the high half.
  uint64_t writeLock;
  /// Handles that sleep for the lock.
  uint32_t writeWaiters;
  /// Raised by every release that has waiters; what they sleep on.
  uint32_t writeTicket;
  /// Zero; checked on reading.
  uint8_t reserved1[112];
  /// Epoch of the durable checkpoint slot.
  uint64_t slotEpoch;
  /// Zero; checked on reading.
  uint8_t reserved2[120];
  /// The file may already contain commits up to this one. Announced before pins are scanned.
  uint64_t checkpointTarget;
  /// 0, or the holder, as in writeLock.
  uint64_t checkpointLock;
  /// Checkpoints finished since the region was opened.
  uint64_t checkpointCount;
  /// Zero; checked on reading.
  uint8_t reserved3[104];
  /// The log is on the disk up to this commit.
  uint64_t syncedEpoch;
  /// The last commit whose tail may not be on the disk, or 0.
  uint64_t unsyncedTailEpoch;
  /// Bytes of the region file below this may have been written by a tail that was not committed, or 0.
  uint64_t tailHighBytes;
  /// 1 after a failed write or sync: the next holder rewrites the log since the slot.
  uint32_t logSuspect;
  /// 1 when the log file exists and belongs to the slot.
  uint32_t logBegun;
  /// Zero; checked on reading.
  uint8_t reserved4[96];
  /// That of the current log.
  uint64_t logSalt;
  /// Segments that the log file has.
  uint32_t logSegmentCount;
  /// Zero; checked on reading.
  uint8_t reserved5[4];
  /// Upper bound of the pages that records since the slot change.
  uint64_t distinctPagesSinceSlot;
  /// Bytes of records and of tails since the slot.
  uint64_t logBytesSinceSlot;
  /// Zero; checked on reading.
  uint8_t reserved6[96];
  /// Threads that sleep until an epoch is published.
  uint32_t epochWaiters;
  /// Raised by every publication that has waiters; what they sleep on.
  uint32_t epochTicket;
  /// Threads that sleep until a checkpoint ends.
  uint32_t checkpointWaiters;
  /// What they sleep on.
  uint32_t checkpointTicket;
  /// Zero; checked on reading.
  uint8_t reserved7[112];
  /// 1 when the file was replaced by a compacted one: everyone reopens.
  uint32_t replaced;
  /// Zero; checked on reading.
  uint8_t reserved8[3196];
};
static_assert(sizeof(SharedWords) == 4096);
static_assert(std::is_trivially_copyable_v<SharedWords>);
static_assert(std::is_standard_layout_v<SharedWords>);
static_assert(offsetof(SharedWords, publishedEpoch) == 0);
static_assert(offsetof(SharedWords, reserved0) == 8);
static_assert(offsetof(SharedWords, writeLock) == 128);
static_assert(offsetof(SharedWords, writeWaiters) == 136);
static_assert(offsetof(SharedWords, writeTicket) == 140);
static_assert(offsetof(SharedWords, reserved1) == 144);
static_assert(offsetof(SharedWords, slotEpoch) == 256);
static_assert(offsetof(SharedWords, reserved2) == 264);
static_assert(offsetof(SharedWords, checkpointTarget) == 384);
static_assert(offsetof(SharedWords, checkpointLock) == 392);
static_assert(offsetof(SharedWords, checkpointCount) == 400);
static_assert(offsetof(SharedWords, reserved3) == 408);
static_assert(offsetof(SharedWords, syncedEpoch) == 512);
static_assert(offsetof(SharedWords, unsyncedTailEpoch) == 520);
static_assert(offsetof(SharedWords, tailHighBytes) == 528);
static_assert(offsetof(SharedWords, logSuspect) == 536);
static_assert(offsetof(SharedWords, logBegun) == 540);
static_assert(offsetof(SharedWords, reserved4) == 544);
static_assert(offsetof(SharedWords, logSalt) == 640);
static_assert(offsetof(SharedWords, logSegmentCount) == 648);
static_assert(offsetof(SharedWords, reserved5) == 652);
static_assert(offsetof(SharedWords, distinctPagesSinceSlot) == 656);
static_assert(offsetof(SharedWords, logBytesSinceSlot) == 664);
static_assert(offsetof(SharedWords, reserved6) == 672);
static_assert(offsetof(SharedWords, epochWaiters) == 768);
static_assert(offsetof(SharedWords, epochTicket) == 772);
static_assert(offsetof(SharedWords, checkpointWaiters) == 776);
static_assert(offsetof(SharedWords, checkpointTicket) == 780);
static_assert(offsetof(SharedWords, reserved7) == 784);
static_assert(offsetof(SharedWords, replaced) == 896);
static_assert(offsetof(SharedWords, reserved8) == 900);

/// Slotted nodes: one for each key, sorted, from the end of the header on.
struct Slot {
  /// The first 4 bytes of the key behind the prefix, big-endian, zero-filled.
  uint32_t head;
  /// Where in the node the entry is: its value or child, then the rest of its key.
  uint16_t offset;
  /// Length of the key behind the prefix; SPILLED (0xffff) when it is in a cell of its own.
  uint16_t keyBytes;
};
static_assert(sizeof(Slot) == 8);
static_assert(std::is_trivially_copyable_v<Slot>);
static_assert(std::is_standard_layout_v<Slot>);
static_assert(offsetof(Slot, head) == 0);
static_assert(offsetof(Slot, offset) == 4);
static_assert(offsetof(Slot, keyBytes) == 6);

/// What an entry holds in place of the rest of a long key.
struct SpilledKey {
  /// The TYPE_SPILL cell with the whole key.
  uint32_t ref;
  /// Length of the whole key.
  uint32_t keyBytes;
};
static_assert(sizeof(SpilledKey) == 8);
static_assert(std::is_trivially_copyable_v<SpilledKey>);
static_assert(std::is_standard_layout_v<SpilledKey>);
static_assert(offsetof(SpilledKey, ref) == 0);
static_assert(offsetof(SpilledKey, keyBytes) == 4);

/// Arguments and results of native calls of one handle; in memory, never on disk.
struct VectorCall {
  /// The element, as the bytes that its cell holds, zero-extended.
  uint64_t value;
  /// compareAndSet: the element that must be there.
  uint64_t expected;
  /// Index or size, as a double.
  uint64_t index;
  /// Elements that were done, as a double.
  uint64_t count;
  /// What went wrong: native/src/core/status.h; 0 when nothing.
  uint32_t code;
  /// errno behind it, or 0.
  uint32_t error;
  /// 1 when there was such an element.
  uint32_t found;
  /// Zero; checked on reading.
  uint8_t reserved[20];
};
static_assert(sizeof(VectorCall) == 64);
static_assert(std::is_trivially_copyable_v<VectorCall>);
static_assert(std::is_standard_layout_v<VectorCall>);
static_assert(offsetof(VectorCall, value) == 0);
static_assert(offsetof(VectorCall, expected) == 8);
static_assert(offsetof(VectorCall, index) == 16);
static_assert(offsetof(VectorCall, count) == 24);
static_assert(offsetof(VectorCall, code) == 32);
static_assert(offsetof(VectorCall, error) == 36);
static_assert(offsetof(VectorCall, found) == 40);
static_assert(offsetof(VectorCall, reserved) == 44);

/// Half of a slot: the state of the vector while the descriptor word names it.
struct VectorDescriptor {
  /// Elements, once what is pending is done.
  uint64_t size;
  /// VECTOR_NONE, VECTOR_PUSH or VECTOR_POP.
  uint32_t kind;
  /// VECTOR_PUSH: elements added, at most VECTOR_BATCH_LIMIT; else 0.
  uint32_t count;
  /// VECTOR_POP: what was taken out, once resultTag is odd.
  uint64_t resultValue;
  /// VECTOR_POP: tag of the descriptor word * 2; plus 1 when resultValue is set.
  uint64_t resultTag;
  /// VECTOR_PUSH: pairs of the element and the tag that its cell had before.
  uint64_t entries[252];
};
static_assert(sizeof(VectorDescriptor) == 2048);
static_assert(std::is_trivially_copyable_v<VectorDescriptor>);
static_assert(std::is_standard_layout_v<VectorDescriptor>);
static_assert(offsetof(VectorDescriptor, size) == 0);
static_assert(offsetof(VectorDescriptor, kind) == 8);
static_assert(offsetof(VectorDescriptor, count) == 12);
static_assert(offsetof(VectorDescriptor, resultValue) == 16);
static_assert(offsetof(VectorDescriptor, resultTag) == 24);
static_assert(offsetof(VectorDescriptor, entries) == 32);

/// VECTOR_HEADER_PAGE. Written once, when the file is made.
struct VectorHeader {
  /// VECTOR_MAGIC.
  uint32_t magic;
  /// 1, 2, 4 or 8.
  uint32_t elementBytes;
  /// 8 for elements of up to 4 bytes, 16 for those of 8.
  uint32_t cellBytes;
  /// VECTOR_SLOT_COUNT.
  uint32_t slotCount;
  /// Cells between VECTOR_FIRST_CELL_PAGE and the capacity.
  uint64_t capacityElements;
  /// VECTOR_FIRST_CELL_PAGE.
  uint32_t firstCellPage;
  /// Length of `type`.
  uint32_t typeBytes;
  /// Description of the element type, JSON.
  uint8_t type[3072];
  /// Zero; checked on reading.
  uint8_t reserved[988];
  /// CRC-32C of the 4,092 bytes before it.
  uint32_t checksum;
};
static_assert(sizeof(VectorHeader) == 4096);
static_assert(std::is_trivially_copyable_v<VectorHeader>);
static_assert(std::is_standard_layout_v<VectorHeader>);
static_assert(offsetof(VectorHeader, magic) == 0);
static_assert(offsetof(VectorHeader, elementBytes) == 4);
static_assert(offsetof(VectorHeader, cellBytes) == 8);
static_assert(offsetof(VectorHeader, slotCount) == 12);
static_assert(offsetof(VectorHeader, capacityElements) == 16);
static_assert(offsetof(VectorHeader, firstCellPage) == 24);
static_assert(offsetof(VectorHeader, typeBytes) == 28);
static_assert(offsetof(VectorHeader, type) == 32);
static_assert(offsetof(VectorHeader, reserved) == 3104);
static_assert(offsetof(VectorHeader, checksum) == 4092);

/// VECTOR_MARKER_PAGE: what an opener after a crash of the machine can rely on.
struct VectorMarker {
  /// MARK_… in the two low bits; a number that grows with every flush in the others.
  uint64_t state;
  /// Of the running system that last opened the file; another one means that memory was lost since.
  uint8_t bootId[16];
  /// Elements that the last completed flush covered.
  uint64_t flushedSize;
  /// When that was, milliseconds since 1970.
  uint64_t flushedMs;
  /// Since the last flush that was: the next one writes every page again.
  uint32_t failedSyncs;
  /// Zero; checked on reading.
  uint8_t reserved[4052];
};
static_assert(sizeof(VectorMarker) == 4096);
static_assert(std::is_trivially_copyable_v<VectorMarker>);
static_assert(std::is_standard_layout_v<VectorMarker>);
static_assert(offsetof(VectorMarker, state) == 0);
static_assert(offsetof(VectorMarker, bootId) == 8);
static_assert(offsetof(VectorMarker, flushedSize) == 24);
static_assert(offsetof(VectorMarker, flushedMs) == 32);
static_assert(offsetof(VectorMarker, failedSyncs) == 40);
static_assert(offsetof(VectorMarker, reserved) == 44);

/// VECTOR_WORDS_PAGE. Each group on cache lines of its own.
struct VectorWords {
  /// Tag in the high 52 bits, index of the current descriptor in the low VECTOR_INDEX_BITS.
  uint64_t descriptor;
  /// Zero; checked on reading.
  uint8_t reserved0[120];
  /// Smallest size that somebody sleeps for, or 0.
  uint64_t awaitedSize;
  /// Zero; checked on reading.
  uint8_t reserved1[120];
  /// Raised when an awaited size is reached; what they sleep on.
  uint32_t sizeTicket;
  /// Zero; checked on reading.
  uint8_t reserved2[252];
  /// Of each bucket, the bytes from its start that the file really has. Only grows.
  uint64_t provided[60];
  /// Zero; checked on reading.
  uint8_t reserved3[3104];
};
static_assert(sizeof(VectorWords) == 4096);
static_assert(std::is_trivially_copyable_v<VectorWords>);
static_assert(std::is_standard_layout_v<VectorWords>);
static_assert(offsetof(VectorWords, descriptor) == 0);
static_assert(offsetof(VectorWords, reserved0) == 8);
static_assert(offsetof(VectorWords, awaitedSize) == 128);
static_assert(offsetof(VectorWords, reserved1) == 136);
static_assert(offsetof(VectorWords, sizeTicket) == 256);
static_assert(offsetof(VectorWords, reserved2) == 260);
static_assert(offsetof(VectorWords, provided) == 512);
static_assert(offsetof(VectorWords, reserved3) == 992);

}  // namespace rstore
