/** Private memory of a process, as the kernel counts it. */
import { readFileSync } from 'node:fs'

export interface PrivateMemory {
  /**
   * Bytes of anonymous memory: pages copied on write, heap. Clean pages of the file can be dropped
   * at any time.
   */
  anonymousBytes: number
  /**
   * The same, and pages of shared mappings that nobody else has mapped and that were written: of
   * the log. The kernel gives them to the disk whenever it likes.
   */
  dirtyBytes: number
}

export function privateMemory(pid: number | 'self' = 'self'): PrivateMemory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const bytesOf = (what: string): number =>
    Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(text)![1]) * 1024
  return { anonymousBytes: bytesOf('Anonymous'), dirtyBytes: bytesOf('Private_Dirty') }
}
