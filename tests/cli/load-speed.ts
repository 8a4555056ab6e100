/**
 * How fast `rstore load` is, beside a loop that only parses the same lines: three times each, in
 * turns. Rows for one map, and dumps of several shapes, which `rstore dump` prints before; how fast
 * that is, too. `npm run load:long [-- LINES [SHAPE …]]`, 5 million lines unless said otherwise.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'

const LINES = Number(process.argv[2] ?? 5_000_000)
const ROUNDS = 3

const folder = temporaryDirectory()

interface Taken { ms: number; cpuMs: number }
type Loaded = Taken & { peakBytes: number }

/** Rows that are loaded, or from which a region is loaded that is dumped. */
interface Shape {
  row(id: number): object
  /** Of a map whose key is the field id. */
  schema?: { key: unknown; value: unknown }
}

const POINT = { struct: 'Point', fields: [['x', 'u32'], ['y', 'u32']] }
const point = (id: number): object => ({ x: id * 7919 % 1_000_003, y: id % 100 })

const ROWS: Shape = {
  row: (id) => ({
    id, name: `place number ${id}`, population: id * 7919 % 1_000_003,
    lat: id * 31 % 18_000 / 100 - 90, lon: id * 17 % 36_000 / 100 - 180,
  }),
}

const DUMPS: Readonly<Record<string, Shape>> = {
  'u32 key, two u32': {
    row: (id) => ({ id, ...point(id) }),
    schema: { key: 'u32', value: POINT },
  },
  'string key, two u32': {
    row: (id) => ({ id: `user:${String(id).padStart(9, '0')}`, ...point(id) }),
    schema: { key: 'string', value: POINT },
  },
  'u64 key, u64 and u32': {
    row: (id) => ({ id: String(id * 1000), n: String(id * 99), y: id % 100 }),
    schema: { key: 'u64', value: { struct: 'Big', fields: [['n', 'u64'], ['y', 'u32']] } },
  },
  'u32 key, bytes and u32': {
    row: (id) => ({ id, b: { $bytes: Buffer.from(`bytes ${id}`).toString('base64') }, y: id % 9 }),
    schema: { key: 'u32', value: { struct: 'Blob', fields: [['b', 'bytes'], ['y', 'u32']] } },
  },
  'u32 key, structs, text and list': {
    row: (id) => ({
      id, from: point(id), to: point(id + 1), name: `n ${id}`, tags: [id % 7, id % 11],
    }),
    schema: {
      key: 'u32',
      value: {
        struct: 'Way',
        fields: [['from', POINT], ['to', POINT], ['name', 'string'], ['tags', { array: 'u32' }]],
      },
    },
  },
  'u32 key, text and three f64': {
    row: ROWS.row,
    schema: {
      key: 'u32',
      value: {
        struct: 'Place',
        fields: [['name', 'string'], ['population', 'f64'], ['lat', 'f64'], ['lon', 'f64']],
      },
    },
  },
}

function writeLines(path: string, first: readonly string[], line: (id: number) => unknown): void {
  const file = openSync(path, 'w')
  for (const text of first) writeSync(file, `${text}\n`)
  for (let id = 0; id < LINES;) {
    const lines: string[] = []
    for (const end = Math.min(LINES, id + 10_000); id < end; id++) {
      lines.push(JSON.stringify(line(id)))
    }
    writeSync(file, `${lines.join('\n')}\n`)
  }
  closeSync(file)
}

/** What a program has to do at the least. */
function parseAlone(input: string): Taken {
  const begun = performance.now()
  const before = process.cpuUsage()
  const file = openSync(input, 'r')
  const buffer = Buffer.alloc(4 << 20)
  let rest = ''
  let objects = 0
  for (let got; (got = readSync(file, buffer)) > 0;) {
    const text = rest + buffer.toString('utf8', 0, got)
    let from = 0
    for (let to; (to = text.indexOf('\n', from)) >= 0; from = to + 1) {
      if (typeof JSON.parse(text.slice(from, to)) === 'object') objects++
    }
    rest = text.slice(from)
  }
  closeSync(file)
  const { user, system } = process.cpuUsage(before)
  if (objects < LINES) throw new Error('not all lines were parsed')
  return { ms: performance.now() - begun, cpuMs: (user + system) / 1000 }
}

function run(script: string, args: readonly string[], output: number | 'pipe'): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [inRoot(script), ...args],
    { encoding: 'utf8', stdio: ['ignore', output, 'pipe'] })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

function load(path: string, input: string, options: readonly string[]): Loaded {
  const said = run('dist/tests/cli/load-child.js', [path, input, ...options], 'pipe')
  rmSync(path)
  return JSON.parse(said.trim().split('\n').at(-1)!) as Loaded
}

/** A dump of a region that has the rows of a shape; gives how long `rstore dump` took. */
function makeDump({ row, schema }: Shape, path: string): number {
  const made = join(folder, 'made.jsonl')
  const region = join(folder, 'made.region')
  const names = [{ name: 'm', kind: 'map', ...schema }]
  writeLines(made, [JSON.stringify({ rstore: 'dump', version: 1, names })], (n) => {
    const { id, ...value } = row(n) as { id: unknown }
    return { map: 'm', key: id, value }
  })
  run('dist/cli/main.js', ['load', region, made], 'pipe')
  rmSync(made)
  const file = openSync(path, 'w')
  const begun = performance.now()
  run('dist/cli/main.js', ['dump', region], file)
  const ms = performance.now() - begun
  closeSync(file)
  rmSync(region)
  return ms
}

const median = (numbers: number[]): number =>
  numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

function compare(title: string, input: string, options: readonly string[]): void {
  const path = join(folder, 'loaded.region')
  const rounds = Array.from({ length: ROUNDS }, () =>
    ({ parse: parseAlone(input), load: load(path, input, options) }))
  const figures = (['ms', 'cpuMs'] as const).map((unit) => {
    const [parse, loaded] = [median(rounds.map((round) => round.parse[unit])),
      median(rounds.map((round) => round.load[unit]))]
    return `${seconds(parse)}, loading ${seconds(loaded)}, ${(loaded / parse).toFixed(2)} times`
  })
  const peak = Math.max(...rounds.map((round) => round.load.peakBytes))
  console.log(`${title}; ${Math.round(statSync(input).size / LINES)} bytes a line\n`
    + `  time:           parsing alone ${figures[0]}\n`
    + `  processor time: parsing alone ${figures[1]}\n`
    + `  memory of its own, at most: ${Math.round(peak / 2 ** 20)} MiB`)
}

const wanted = process.argv.slice(3)
const isWanted = (name: string): boolean =>
  wanted.length === 0 || wanted.some((part) => name.includes(part))

console.log(`${LINES} lines`)
const input = join(folder, 'input.jsonl')
if (isWanted('rows')) {
  writeLines(input, [], ROWS.row)
  compare('rows', input, ['--map', 'm', '--key', 'id'])
}
for (const [name, shape] of Object.entries(DUMPS)) {
  if (!isWanted(name)) continue
  const ms = makeDump(shape, input)
  compare(`dump: ${name}`, input, [])
  console.log(`  made by rstore dump in ${seconds(ms)}`)
}
rmSync(input)
