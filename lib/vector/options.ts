/** Options and arguments of shared vectors: what they may be, and what is wrong with others. */
import { C } from '../../formats/index.js'
import { bytesOf, type Size } from '../region/base/options.js'
import type { Packed } from '../region/packed/packed.js'
import { show } from '../types/text.js'

export interface CreateVectorOptions {
  /**
   * Room for elements: 8 bytes for each of up to 4 bytes, 16 for each of 8. Default 1 GiB, at most
   * 32 GiB. Only address space until it is used. The file has 4 MiB of its own before the elements,
   * of which a few pages are used.
   */
  capacity?: Size
  /** Permission bits of the new file. Default 0o666, less the umask. */
  mode?: number
  /** For elements of a t.ref: where the records are that they name. */
  packed?: Packed<any>
}

export interface OpenVectorOptions {
  /**
   * What to do after a crash of the machine when there had been changes after the last flush():
   * throw RSTORE_UNFLUSHED (default), or go on with what is there.
   */
  unflushed?: 'refuse' | 'accept'
  /**
   * How long others are waited for that are just opening it, which takes some time when they
   * recover it. Default 10,000 ms.
   */
  timeoutMs?: number
  /** For elements of a t.ref: the packed region that the vector was created with. */
  packed?: Packed<any>
}

/** What opening found after the machine had been started anew. */
export interface VectorRecovery {
  /** Elements that the last flush covered. */
  readonly flushedSize: number
  /** Elements that were found. */
  readonly size: number
  /** Whether the file was as flushed. If not, elements may be newer, or lost behind that size. */
  readonly flushed: boolean
}

export interface WaitOptions {
  /** Milliseconds; default: for ever. */
  timeoutMs?: number
  signal?: AbortSignal
}

/** The capacity in bytes. */
export function checkCapacity(capacity: Size = '1GiB'): number {
  const bytes = bytesOf(capacity, 'capacity')
  if (bytes < C.MINIMUM_CAPACITY_BYTES || bytes > C.MAXIMUM_CAPACITY_BYTES) {
    throw new RangeError(`capacity must be between 1MiB and 32GiB, not ${bytes} bytes`)
  }
  return bytes
}

export function checkIndex(index: unknown): void {
  if (typeof index !== 'number') {
    throw new TypeError(`an index or a size is a number, not ${show(index)}`)
  }
  if (!Number.isInteger(index) || index < 0) {
    throw new RangeError(`an index or a size is a whole number from 0 on, not ${index}`)
  }
}
