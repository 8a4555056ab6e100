/**
 * `npm run bench:scale`: what a get, an insert, an entry of a scan and opening cost, from ten
 * thousand to a hundred million small records, or to what the disk holds.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { inRoot } from '../harness/paths.js'
import { installPeers } from './peers.js'
import { measuredTree } from './report/machine.js'
import type { Point } from './report/plot.js'
import { writeScale } from './report/write.js'
import { median } from './rounds.js'
import type { Step } from './scale-steps.js'

const SIZES = [1e4, 1e5, 1e6, 1e7, 1e8]
/** Bytes on the disk, with the log, for each record: about twice what is needed. */
const BYTES_EACH = 100
const PANELS = ['open to first answer, ns', 'random get, ns', 'scan, ns an entry']

const execute = promisify(execFile)

async function run(step: Step): Promise<number[]> {
  const { stdout } = await execute(process.execPath, [
    inRoot('dist/tests/bench/scale-steps.js'), JSON.stringify(step),
  ], { timeout: 1_800_000 })
  return JSON.parse(stdout)
}

/** The medians of each position in lists of equal length. */
const medians = (lists: readonly number[][]): number[] =>
  lists[0]!.map((_, index) => median(lists.map((list) => list[index]!)))

async function measure(directory: string, records: number, rounds: number): Promise<Point[]> {
  const drivers = ['rstore', 'lmdb'] as const
  const inserts = new Map(drivers.map((driver) => [driver, [] as number[][]]))
  const rests = new Map(drivers.map((driver) => [driver, [] as number[][]]))
  for (let round = 0; round < rounds; round++) {
    for (const driver of drivers) {
      const folder = join(directory, driver)
      mkdirSync(folder, { recursive: true })
      const step = { driver, records, directory: folder, seed: round + 1 }
      inserts.get(driver)!.push(await run({ ...step, operation: 'insert' }))
      rests.get(driver)!.push(await run({ ...step, operation: 'rest' }))
      rmSync(folder, { recursive: true })
    }
  }
  return drivers.flatMap((driver) => [
    { panel: 'sequential insert, ns', driver, records, value: medians(inserts.get(driver)!)[0]! },
    ...medians(rests.get(driver)!).map((value, index) =>
      ({ panel: PANELS[index]!, driver, records, value })),
  ])
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: {
    directory: { type: 'string', default: inRoot('build/bench-scale') },
    most: { type: 'string', default: '1e8' },
    rounds: { type: 'string', default: '5' },
    dry: { type: 'boolean', default: false },
  } })
  installPeers()
  mkdirSync(values.directory, { recursive: true })
  const { bavail, bsize } = statfsSync(values.directory)
  const points: Point[] = []
  for (const records of SIZES.filter((size) => size <= Number(values.most))) {
    if (records * BYTES_EACH > bavail * bsize) break
    const rounds = records > 1e7 ? 1 : Number(values.rounds)
    const found = await measure(values.directory, records, rounds)
    for (const { panel, driver, value } of found) {
      console.log(`${records} ${driver} ${panel}: ${value.toPrecision(3)}`)
    }
    points.push(...found)
  }
  if (values.dry) return
  const date = new Date().toISOString().slice(0, 10)
  await writeScale({ tree: measuredTree(), date, points })
}

await main()
