/** Private memory of a process, as the kernel counts it. */
import { readFileSync } from 'node:fs'

/**
 * Bytes of anonymous memory: pages copied on write, heap. Clean pages of the file can be dropped
 * at any time.
 */
export function anonymousBytes(pid: number | 'self' = 'self'): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Anonymous:\s+(\d+) kB/m.exec(text)![1]) * 1024
}
