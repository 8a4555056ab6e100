/** All workloads, in the order of the report. */
import type { Workload } from '../workload.js'
import { workloads as change } from './change.js'
import { workloads as commit } from './commit.js'
import { workloads as getMany } from './get-many.js'
import { workloads as load } from './load.js'
import { workloads as open } from './open.js'
import { workloads as processes } from './processes.js'
import { workloads as randomGet } from './random-get.js'
import { workloads as range } from './range.js'
import { workloads as scan } from './scan.js'
import { workloads as size } from './size.js'
import { workloads as ycsb } from './ycsb.js'

export const WORKLOADS: readonly Workload[] = [
  ...randomGet, ...getMany, ...scan, ...range, ...load, ...change, ...commit, ...ycsb, ...open,
  ...processes, ...size,
]

export function workloadNamed(name: string): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name)
  if (found === undefined) throw new TypeError(`No workload is called ${name}`)
  return found
}
