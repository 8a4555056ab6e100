/** What every kind of region offers to readers. */
import { Catalog } from '../map/catalog.js'
import type { NamedEntry } from '../map/catalog.js'
import { verifySession } from '../map/verify.js'
import type { VerifyOptions, VerifyReport } from '../map/verify.js'
import type { Ref } from '../space/ref.js'
import type { Frozen, ReadMap, RMultimap, Type } from '../types/index.js'
import type { RegionSession } from './session.js'

/** Numbers about a region. Bytes, unless the name says otherwise. */
export interface RegionStats {
  /** Upper bound of the file. */
  capacity: number
  /** Length of the file. */
  fileBytes: number
  /** In live cells. */
  allocatedBytes: number
  /** In free cells. */
  freeBytes: number
  /** The commit that this handle shows. */
  epoch: number
  /** The last commit that is in the file itself; later ones are in the log. */
  checkpointEpoch: number
  /** Length of the redo log. */
  logBytes: number
  /** Pages of this handle that differ from the file. */
  privateBytes: number
  /** Page faults served. */
  faults: number
  /** Handles that have the region open, in all processes. */
  readers: number
}
