/**
 * How fast `rstore load` is, beside a loop that only parses the same lines: three times each, in
 * turns. `npm run load:long [-- LINES]`, 5 million unless said otherwise.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'

const LINES = Number(process.argv[2] ?? 5_000_000)
const ROUNDS = 3

const folder = temporaryDirectory()
const input = join(folder, 'rows.jsonl')

interface Taken { ms: number; cpuMs: number }

function writeRows(): void {
  const file = openSync(input, 'w')
  for (let id = 0; id < LINES;) {
    const rows: string[] = []
    for (const end = Math.min(LINES, id + 10_000); id < end; id++) {
      rows.push(JSON.stringify({
        id, name: `place number ${id}`, population: id * 7919 % 1_000_003,
        lat: id * 31 % 18_000 / 100 - 90, lon: id * 17 % 36_000 / 100 - 180,
      }))
    }
    writeSync(file, `${rows.join('\n')}\n`)
  }
  closeSync(file)
}

/** What a program has to do at the least. */
function parseAlone(): Taken {
  const begun = performance.now()
  const before = process.cpuUsage()
  const file = openSync(input, 'r')
  const buffer = Buffer.alloc(4 << 20)
  let rest = ''
  let total = 0
  for (let got; (got = readSync(file, buffer)) > 0;) {
    const text = rest + buffer.toString('utf8', 0, got)
    let from = 0
    for (let to; (to = text.indexOf('\n', from)) >= 0; from = to + 1) {
      total += JSON.parse(text.slice(from, to)).id
    }
    rest = text.slice(from)
  }
  closeSync(file)
  const { user, system } = process.cpuUsage(before)
  if (total !== LINES * (LINES - 1) / 2) throw new Error('not all lines were parsed')
  return { ms: performance.now() - begun, cpuMs: (user + system) / 1000 }
}

function load(): Taken & { peakBytes: number } {
  const path = join(folder, 'rows.region')
  const { status, stdout, stderr } = spawnSync(process.execPath,
    [inRoot('dist/tests/cli/load-child.js'), path, input], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  rmSync(path)
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}

const median = (numbers: number[]): number =>
  numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

writeRows()
const rounds = Array.from({ length: ROUNDS }, () => ({ parse: parseAlone(), load: load() }))
for (const unit of ['ms', 'cpuMs'] as const) {
  const [parse, loaded] = [median(rounds.map((round) => round.parse[unit])),
    median(rounds.map((round) => round.load[unit]))]
  console.log(`${unit === 'ms' ? 'time' : 'processor time'}: parsing alone ${seconds(parse)}, `
    + `loading ${seconds(loaded)}, ${(loaded / parse).toFixed(2)} times as long`)
}
const peak = Math.max(...rounds.map((round) => round.load.peakBytes))
console.log(`memory of its own, at most: ${Math.round(peak / 2 ** 20)} MiB`)
