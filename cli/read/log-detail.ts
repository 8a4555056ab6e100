/** What is in the log: the records behind the checkpoint slot, the last of them one by one. */
import type { LogEnd, Record } from './records.js'
import type { RegionImage } from './region.js'

/** Older ones are counted only. */
const SHOWN_RECORDS = 1000

export interface LogDetail {
  fileBytes: number
  segments: number
  ownSegments: number
  checkpointEpoch: bigint
  recordCount: number
  recordBytes: number
  /** The last ones, oldest first. */
  records: Record[]
  end: LogEnd
}

export const inspectLog = ({ log, slot }: RegionImage): LogDetail => ({
  fileBytes: log.fileBytes,
  segments: log.segmentCount,
  ownSegments: log.ownSegmentCount,
  checkpointEpoch: slot?.epoch ?? 0n,
  recordCount: log.records.length,
  recordBytes: log.records.reduce((sum, { recordBytes }) => sum + recordBytes, 0),
  records: log.records.slice(-SHOWN_RECORDS),
  end: log.end,
})
