/**
 * rstore: linked, typed data in memory-mapped files that many Node processes share.
 * The public surface; whatever is not exported here may change.
 */

// ── regions ──

export { ReadOnlyRegion, Region } from './region/region.js'
export type { ProgressOptions, TransactOptions } from './region/region.js'
export type { Durability, RegionOptions, Size } from './region/base/options.js'
export { ReadRegion } from './region/base/read-region.js'
export type { RegionBase } from './region/base/read-region.js'
export { WritableRegion } from './region/base/writable-region.js'
export { Snapshot } from './region/live/snapshot.js'
export type { RegionStats } from './region/base/stats.js'
export type { ReaderInfo } from './native/binding.js'
export { observe } from './native/observe.js'
export type { Observation } from './native/observe.js'
export type { Compacted, CompactOptions } from './region/compaction/compact.js'
export { salvage } from './region/salvage/index.js'
export type { Image, SalvageOptions, Salvaged, SavedName } from './region/salvage/index.js'
export type { Problem, VerifyOptions, VerifyReport } from './map/verify/report.js'
export { RStoreError } from './errors.js'
export type { ErrorCode } from './errors.js'

// ── maps and types ──

export { t } from './types/index.js'
export type {
  AnyShape, ArrayView, Change, Column, Fields, Frozen, Index, IndexOptions, Infer, InferInput,
  PackedInput, PackedRoot, Range, ReadMap, RecordInput, RecordMethods, RecordView, RMap, RMultimap,
  RValue, Self, TupleStart, Type, Types,
} from './types/index.js'
export type { Descriptor } from './types/type.js'
export type { Ref } from './space/ref.js'
export type { NamedEntry } from './map/catalog.js'
export type { DropOptions } from './map/dropping.js'
export type { ArrayBuilder, BuilderOptions } from './builder/builder.js'

// ── packed regions, stores, blocks, vectors ──

export { DISCARD } from './region/packed/pack.js'
export type { PackOptions } from './region/packed/pack.js'
export { Packed } from './region/packed/packed.js'
export type { LoadOptions, PackedToken } from './region/packed/packed.js'
export type { ThawOptions } from './region/packed/thaw.js'
export { evacuateInTurns } from './region/packed/evacuate-in-turns.js'
export type { TurnsOptions } from './region/base/turns.js'
export { Store } from './store/store.js'
export type { StoreBlockOptions, StoreListing, StoreOptions } from './store/store.js'
export { BlockRegion, SealedRegion } from './pool/block-region.js'
export { Pool } from './pool/pool.js'
export type { BlockRegionOptions, PoolOptions } from './pool/pool.js'
export { SharedVector } from './vector/shared-vector.js'
export type {
  CreateVectorOptions, OpenVectorOptions, VectorRecovery, WaitOptions,
} from './vector/options.js'
export type { ElementArray } from './vector/element.js'

// ── JSON in and out ──

export { exportLines, exportText } from './exchange/export.js'
export type {
  DumpEntry, DumpHead, DumpLine, DumpRecord, ExportOptions,
} from './exchange/export.js'
export { Importer } from './exchange/import.js'
export type { ImportReport } from './exchange/import.js'
export { JsonMap, schemaOf, schemasOf } from './exchange/json-map.js'
export type { JsonRange } from './exchange/json-map.js'
export { typeFromDescriptor } from './exchange/named.js'
export type { IndexSchema, NameSchema } from './exchange/named.js'
