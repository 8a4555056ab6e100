/**
 * A process that reads beside others. Told what to read by its argument; then, by messages, when to
 * begin, to say how much memory it holds, and to end.
 */
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import type { Table } from './driver.js'
import { driverNamed } from './drivers/index.js'
import { picksBelow, randomNumbers } from './random.js'
import { picksOf } from './record.js'

export interface ReaderSpec {
  driver: string
  directory: string
  records: number
  seed: number
  milliseconds: number
}

/** Between them other turns of the event loop, in which a writer's commits become visible. */
const GETS_A_TURN = 1000

/** The memory that is this process's, shared pages divided among those that share them. */
function proportionalBytes(): number {
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8')
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)![1]) * 1024
}

async function readFor(table: Table, spec: ReaderSpec): Promise<number> {
  const random = randomNumbers(spec.seed)
  const turns = Array.from({ length: 64 }, () =>
    picksOf('number', picksBelow(spec.records, GETS_A_TURN, random)))
  const end = performance.now() + spec.milliseconds
  let gets = 0
  for (let turn = 0; performance.now() < end; turn++) {
    await table.readField!(turns[turn % turns.length]!)
    gets += GETS_A_TURN
    await setImmediate()
  }
  return gets
}

async function main(spec: ReaderSpec): Promise<void> {
  const { records, directory } = spec
  const table = await driverNamed(spec.driver)
    .open(directory, { keys: 'number', durability: 'none', records, create: false })
  await readFor(table, { ...spec, milliseconds: spec.milliseconds / 10 })
  process.send!('ready')
  await once(process, 'message')
  process.send!(await readFor(table, spec))
  await once(process, 'message')
  process.send!(proportionalBytes())
  await once(process, 'message')
  await table.close()
  process.disconnect()
}

await main(JSON.parse(process.argv[2]!) as ReaderSpec)
