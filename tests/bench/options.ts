/** The command line of the benchmark. */
import { parseArgs } from 'node:util'
import { inRoot } from '../harness/paths.js'
import type { Driver } from './driver.js'
import { installedDrivers } from './drivers/index.js'
import { WORKLOADS } from './workloads/index.js'
import type { Workload } from './workload.js'

export interface Options {
  workloads: readonly Workload[]
  drivers: readonly Driver[]
  /** One size instead of the plan's. */
  records: number | undefined
  rounds: number
  /** No workload is begun later. */
  minutes: number
  /** On the disk that is measured. */
  directory: string
  /** Nothing is written to the checkout; the tables are printed. */
  dry: boolean
}

const HELP = `Usage: npm run bench -- [options]
  --only a,b       workloads whose names begin with a or b
  --peers a,b      these drivers only
  --records N      this size only
  --rounds N       rounds of each measurement (5)
  --minutes N      no workload is begun later than this; what was left out is named (60)
  --directory DIR  where data is put (build/bench)
  --dry            print the tables, write nothing
Workloads: ${WORKLOADS.map(({ name }) => name).join(' ')}`

export async function readOptions(): Promise<Options | undefined> {
  const { values } = parseArgs({ options: {
    only: { type: 'string' }, peers: { type: 'string' }, records: { type: 'string' },
    rounds: { type: 'string', default: '5' }, minutes: { type: 'string', default: '60' },
    dry: { type: 'boolean', default: false },
    directory: { type: 'string', default: inRoot('build/bench') },
    help: { type: 'boolean', default: false },
  } })
  if (values.help) {
    console.log(HELP)
    return undefined
  }
  const peers = values.peers?.split(',')
  const only = values.only?.split(',')
  return {
    workloads: WORKLOADS.filter(({ name }) =>
      only?.some((part) => name.startsWith(part)) ?? true),
    drivers: (await installedDrivers()).filter(({ name }) => peers?.includes(name) ?? true),
    records: values.records === undefined ? undefined : Number(values.records),
    rounds: Number(values.rounds),
    minutes: Number(values.minutes),
    directory: values.directory,
    dry: values.dry,
  }
}
