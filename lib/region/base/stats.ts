/** An allocated cell has so many, or more. */
const CELL_BYTES = 40

/** About how many cells and entries there are in so many bytes. */
export const aboutCells = (bytes: number): number => Math.ceil(bytes / CELL_BYTES)

/** Numbers about a region. Bytes, unless the name says otherwise. */
export interface RegionStats {
  /** Upper bound of the file. */
  capacity: number
  /** Length of the file. */
  fileBytes: number
  /** Of the file in memory; known for packed regions that mmap-io has mapped. */
  residentBytes?: number
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
  /** Page faults served for this handle. */
  faults: number
  /** Handles that read a commit at the moment, in all processes. */
  readers: number
}
