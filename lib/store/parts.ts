/** The parts of a store, as they know each other. */
import type { Collector } from './collector.js'
import type { StoreFiles } from './files.js'
import type { LiveRegions } from './live-regions.js'
import type { StoreLocks } from './locks.js'
import type { PackedRegions } from './packed-regions.js'
import type { SnapshotLocks } from './snapshot-locks.js'
import type { StoreCatalog } from './store-catalog.js'

export interface StoreParts {
  readonly readOnly: boolean
  readonly files: StoreFiles
  readonly locks: StoreLocks
  readonly snapshots: SnapshotLocks
  readonly catalog: StoreCatalog
  readonly live: LiveRegions
  readonly packed: PackedRegions
  readonly collector: Collector
  /** Throws RSTORE_CLOSED. */
  assertOpen(): void
}
