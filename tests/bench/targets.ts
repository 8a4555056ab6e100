/**
 * What is to be reached: how many times better than lmdb-js, in the same run, unless another peer
 * is named. Below 1: at most so many times its cost.
 */
export interface Target { workload: string; atLeast: number; records?: number; peer?: string }

export const TARGETS: readonly Target[] = [
  { workload: 'get-number-field', atLeast: 4 },
  { workload: 'get-string-field', atLeast: 3 },
  { workload: 'get-many', atLeast: 4, records: 10_000_000 },
  { workload: 'get-column', atLeast: 12, records: 10_000_000 },
  { workload: 'scan-field', atLeast: 40 },
  { workload: 'scan-column', atLeast: 40 },
  { workload: 'insert-sequential', atLeast: 2.5 },
  { workload: 'bulk-load', atLeast: 6 },
  { workload: 'insert-random', atLeast: 2 },
  { workload: 'overwrite', atLeast: 2.5 },
  { workload: 'single', atLeast: 8 },
  { workload: 'single-field', atLeast: 8 },
  { workload: 'single-durable', atLeast: 2.5 },
  { workload: 'single-durable', atLeast: 1 / 1.3, peer: 'pwrite' },
  { workload: 'open', atLeast: 10 },
  { workload: 'size-loaded', atLeast: 1 },
  ...['a', 'b', 'c', 'd', 'e', 'f'].map((mix) => ({ workload: `ycsb-${mix}`, atLeast: 2.5 })),
]

export function targetsOf(workload: string, records: number): Target[] {
  return TARGETS.filter((target) => target.workload === workload
    && (target.records === undefined || target.records === records))
}
