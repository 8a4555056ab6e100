/** Private memory of a process, as the kernel counts it. */
import { readFileSync } from 'node:fs'

/** Bytes that only this process has: written or copied, not merely mapped. */
export function privateBytes(pid: number | 'self' = 'self'): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return ['Private_Clean', 'Private_Dirty'].reduce(
    (sum, name) => sum + Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)![1]) * 1024,
    0,
  )
}

/**
 * Bytes of anonymous memory: pages copied on write, heap. Clean pages of the file can be dropped
 * at any time.
 */
export function anonymousBytes(pid: number | 'self' = 'self'): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Anonymous:\s+(\d+) kB/m.exec(text)![1]) * 1024
}
