/** Time as the machine and its kernel count it. */
import { readdirSync, readFileSync } from 'node:fs'

/** Milliseconds on the clock that all processes of the machine share, and that nobody sets. */
export const machineMs = (): number => Number(process.hrtime.bigint()) / 1e6

interface ThreadMs {
  ranMs: number
  /** It could have run, but no processor was free. */
  waitedMs: number
}

function threadMs(thread: string): ThreadMs {
  const text = readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8')
  const [ran, waited] = text.split(' ').map(Number) as [number, number]
  return { ranMs: ran / 1e6, waitedMs: waited / 1e6 }
}

/** Of the main thread of this process; what threads of the core do meanwhile is not in it. */
export const mainThreadMs = (): number => threadMs(String(process.pid)).ranMs

/** What all threads of this process together waited for a processor. */
export function waitedMs(): number {
  let sum = 0
  for (const thread of readdirSync('/proc/self/task')) sum += threadMs(thread).waitedMs
  return sum
}
