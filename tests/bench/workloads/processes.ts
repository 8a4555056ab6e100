/** Several processes on the same data: readers alone, and readers beside a writer. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { inRoot } from '../../harness/paths.js'
import type { Table } from '../driver.js'
import type { ReaderSpec } from '../reader.js'
import { randomPicks, type Bench, type Workload } from '../workload.js'

const FULL_MILLISECONDS = 2000
const TINY_MILLISECONDS = 50
const WRITES_A_TURN = 20

const millisecondsFor = ({ records }: Bench): number =>
  records < 10_000 ? TINY_MILLISECONDS : FULL_MILLISECONDS

async function answer(child: ChildProcess): Promise<unknown> {
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`A reading process ended with exit code ${code}`)
  })
  const [message] = await Promise.race([once(child, 'message'), gone])
  return message
}

async function startReaders(bench: Bench, count: number): Promise<ChildProcess[]> {
  const readers = Array.from({ length: count }, (_, index) => {
    const spec: ReaderSpec = {
      driver: bench.driver.name, directory: bench.directory, records: bench.records,
      seed: bench.seed + index, milliseconds: millisecondsFor(bench),
    }
    return fork(inRoot('dist/tests/bench/reader.js'), [JSON.stringify(spec)])
  })
  await Promise.all(readers.map(answer))
  return readers
}

/** Sends all of them on; their answers added up. */
async function tell(readers: readonly ChildProcess[], what: string): Promise<number> {
  const answers = readers.map(answer)
  for (const reader of readers) reader.send(what)
  const numbers = await Promise.all(answers) as number[]
  return numbers.reduce((sum, number) => sum + number, 0)
}

async function end(readers: readonly ChildProcess[]): Promise<void> {
  await Promise.all(readers.map((reader) => {
    reader.send('end')
    return once(reader, 'exit')
  }))
}

/** One change a transaction, until the readers are done. */
async function writeFor(bench: Bench, table: Table): Promise<number> {
  const until = performance.now() + millisecondsFor(bench)
  const picks = randomPicks(bench, 'number', WRITES_A_TURN)
  let written = 0
  while (performance.now() < until) {
    await table.single!(picks, ++written)
    await setImmediate()
  }
  return written * WRITES_A_TURN
}

const READERS = 8
const READERS_BESIDE_WRITER = 4

export const workloads: Workload[] = [{
  name: 'readers', title: '8 reading processes',
  keys: 'number', data: 'loaded', durability: 'none', needs: ['readField'],
  shared: true,
  metrics: [
    { label: 'gets in all', unit: 'per second', better: 'higher' },
    { label: 'proportional memory of each', unit: 'MiB', better: 'lower' },
  ],
  async run(bench) {
    const readers = await startReaders(bench, READERS)
    const gets = await tell(readers, 'go')
    const bytes = await tell(readers, 'memory')
    await end(readers)
    return [gets / millisecondsFor(bench) * 1000, bytes / READERS / 2 ** 20]
  },
}, {
  name: 'writer-beside-readers', title: 'A writer beside 4 reading processes',
  keys: 'number', data: 'copy', durability: 'none', needs: ['readField', 'single'],
  shared: true,
  metrics: [
    { label: 'gets in all', unit: 'per second', better: 'higher' },
    { label: 'commits', unit: 'per second', better: 'higher' },
  ],
  async run(bench) {
    const readers = await startReaders(bench, READERS_BESIDE_WRITER)
    const table = await bench.open()
    const [gets, commits] = await Promise.all([tell(readers, 'go'), writeFor(bench, table)])
    await tell(readers, 'memory')
    await end(readers)
    await table.close()
    return [gets, commits].map((count) => count / millisecondsFor(bench) * 1000)
  },
}]
