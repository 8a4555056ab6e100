/** Which workloads are measured at which sizes, and with whom. */
import { OURS, RIVAL } from './drivers/index.js'
import type { Options } from './options.js'
import type { Plan } from './rounds.js'
import { canDo, type Workload } from './workload.js'

const SMALL = 10_000
const USUAL = 1_000_000
const LARGE = 10_000_000
/** About 4 GB. */
const HUGE = 40_000_000

/** What is measured with ten million records too. */
const AT_LARGE = new Set([
  'get-number-field', 'get-number-whole', 'get-string-field', 'get-string-whole', 'get-many',
  'get-column', 'scan-field', 'scan-whole', 'range-100', 'insert-sequential', 'bulk-load',
  'overwrite', 'single', 'single-durable', 'ycsb-a', 'ycsb-c', 'size-loaded',
])

function sizesOf({ name }: Workload): number[] {
  if (name === 'open') return [SMALL, USUAL, HUGE]
  return AT_LARGE.has(name) ? [USUAL, LARGE] : [USUAL]
}

/** In which order, for want of time for all: the largest takes as long as the rest. */
const ORDER = [SMALL, USUAL, HUGE, LARGE]

/** Loading ten million records in the order of strings takes longest: so it is last. */
function rankOf({ workload, records }: Plan): number {
  return ORDER.indexOf(records) * 2 + (records === LARGE && workload.keys === 'string' ? 1 : 0)
}

export function plansFor({ workloads, drivers, records, rounds }: Options): Plan[] {
  const planOf = (workload: Workload, size: number): Plan => ({
    workload,
    records: size,
    rounds: workload.deterministic ? 1 : rounds,
    drivers: drivers.filter((driver) => canDo(driver, workload)
      && (size <= USUAL || driver.name === OURS || driver.name === RIVAL)),
  })
  const sizes = records === undefined ? sizesOf : () => [records]
  return workloads
    .flatMap((workload) => sizes(workload).map((size) => planOf(workload, size)))
    .filter((plan) => plan.drivers.length > 0)
    .sort((one, other) => rankOf(one) - rankOf(other))
}
