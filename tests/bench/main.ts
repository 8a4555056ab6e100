/**
 * `npm run bench`: measures rstore beside what people would use instead, and writes BENCHMARKS.md.
 */
import { mkdirSync } from 'node:fs'
import { loadavg } from 'node:os'
import { readOptions, type Options } from './options.js'
import { installPeers } from './peers.js'
import { plansFor } from './plan.js'
import { describeMachine, measuredTree } from './report/machine.js'
import { sizesIn, tableOf } from './report/table.js'
import { rowName, writeResults } from './report/write.js'
import { Rounds, type Series } from './rounds.js'
import { CLOCK } from './workload.js'

interface Measured {
  series: Series[]
  /** Workloads, with sizes, for which there was no time left. */
  leftOut: string[]
}

async function measure(options: Options): Promise<Measured> {
  const log = (line: string) => console.error(line)
  const rounds = new Rounds(options.directory, log)
  const [series, leftOut]: [Series[], string[]] = [[], []]
  const end = Date.now() + options.minutes * 60_000
  const plans = plansFor(options)
  try {
    for (const [index, plan] of plans.entries()) {
      const what = rowName({ workload: plan.workload.name, records: plan.records })
      if (Date.now() > end) {
        leftOut.push(what)
        continue
      }
      log(`${index + 1}/${plans.length} ${what} `
        + `(load ${loadavg()[0]!.toFixed(1)})`)
      series.push(...await rounds.run(plan))
      if (plans[index + 1]?.records !== plan.records) rounds.dispose(plan.records)
    }
  } finally {
    rounds.dispose()
  }
  return { series, leftOut }
}

async function run(options: Options): Promise<void> {
  mkdirSync(options.directory, { recursive: true })
  const tree = measuredTree()
  const machine = describeMachine(options.directory, options.drivers)
  const { series, leftOut } = await measure(options)
  for (const records of sizesIn(series)) {
    console.log(`\n${records.toLocaleString('en')} records\n\n${tableOf(series, records)}`)
  }
  if (options.dry) return
  await writeResults({
    tree, machine, series, leftOut, rounds: options.rounds,
    clock: process.env[CLOCK] === 'cpu' ? 'cpu' : 'wall',
    date: new Date().toISOString().slice(0, 10),
    load: Math.max(...series.map(({ load }) => load)),
  })
}

installPeers()
const options = await readOptions()
if (options !== undefined) await run(options)
