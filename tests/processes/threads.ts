/** Threads of other processes, as the kernel shows them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const numberAfter = (text: string, label: string): number =>
  Number(new RegExp(`^${label}:\\s*(\\d+)`, 'm').exec(text)?.[1])

/** Of the thread that asks. */
export const ownThread = (): number => Number(readlinkSync('/proc/thread-self').split('/').at(-1))

export const threadsOf = (pid: number): number[] => readdirSync(`/proc/${pid}/task`).map(Number)

/** How often it went to sleep so far, and was woken. */
export function sleepsOf(pid: number, thread: number): number {
  return numberAfter(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'),
    'voluntary_ctxt_switches')
}

export function isAsleep(pid: number, thread: number): boolean {
  return /^State:\s*S/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))
}
