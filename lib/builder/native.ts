/** The part of the addon that builders use. */
import { addon, type PackedStatus } from '../native/binding.js'

export interface NativeArena {
  /**
   * A run with at least so many writable bytes: segment * 2^32 + offset in it; or minus a status.
   */
  take(bytes: number): number
  /** Takes back what `take(bytes)` gave. */
  give(place: number, bytes: number): void
  segment(index: number): ArrayBuffer
  stats(): { takenRuns: number; takenBytes: number; warmBytes: number; segments: number }
}

/** Why a producer stopped: Stop in native/src/core/producers/numbers.h. */
export const STOP = {
  end: 0, guard: 1, malformed: 2, outOfRange: 3, empty: 4, read: 5, full: 6,
} as const

export interface Produced {
  stop: number
  /** Elements stored. */
  count: number
  status: PackedStatus
  /**
   * Where the next element begins, or what is wrong: from 1, from 1 (in bytes), from 0 (in bytes).
   */
  line: number
  column: number
  offset: number
}

export type ProducerSource = Uint8Array | number

interface Producer {
  /** Gives what was read ahead back to the source; what a pipe cannot take back is the result. */
  putBack(source: ProducerSource): Uint8Array | null
}

export interface NumberParser extends Producer {
  run(source: ProducerSource, to: Uint8Array, first: number, guard: number):
    Produced & { field?: Uint8Array }
}

export interface LineSplitter extends Producer {
  run(
    source: ProducerSource,
    bytes: Uint8Array, first: number, usedBytes: number, allBytes: number,
    spans: Uint8Array, firstSpan: number, guard: number,
  ): Produced & {
    /** Bytes of the chunk that belong to lines which were stored. */
    used: number
    /** Bytes behind them: the beginning of the next line. */
    carried: number
  }
}

interface BuilderAddon {
  Arena: new () => NativeArena
  NumberParser: new (kind: number, delimiter: number) => NumberParser
  LineSplitter: new (text: boolean) => LineSplitter
  systemPageBytes: number
  /** Whether guards are markers of the kernel and not mappings of their own. */
  guardMarkers: boolean
  /**
   * read(2): what it gave, or minus an errno. `present`: pages that are not there yet may be
   * touched.
   */
  readInto(fd: number, to: Uint8Array, first: number, bytes: number, present: boolean): number
  /** Has the system provide pages that will be written in a moment. */
  provide(to: Uint8Array, first: number, bytes: number): void
}

export const builderAddon = (): BuilderAddon => addon() as unknown as BuilderAddon
