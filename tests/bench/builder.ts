/**
 * Builders beside what one would do without them, in one process, in turns:
 *
 *   node dist/tests/bench/builder.js [pushes] [bytes of text]
 *
 * Every contender for numbers ends with the same array in the same region, in a transaction that is
 * then rolled back, so that each begins alike. readline only collects its lines.
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync, createReadStream, existsSync, openSync, readFileSync, writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { argv } from 'node:process'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { Region, t } from '../../lib/index.js'
import { ArrayType } from '../../lib/types/array/array.js'
import { simpleTypes } from '../../lib/types/descriptor.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'

type Work = () => void | Promise<void>

export interface Row { name: string; ms: number; ratio: number }
export interface Sizes {
  pushes: number
  bytes: number
  rounds: number
  /** Whether the CSV parser takes part, which generates code. */
  peer: boolean
}

const F64S = new ArrayType(simpleTypes.f64)
const PEER = inRoot('tests/bench/builder')

class RolledBack extends Error {}

class Bench {
  readonly folder = temporaryDirectory()
  readonly region = Region.create(join(this.folder, 'bench.region'), {
    capacity: '4GiB', durability: 'none',
  })

  constructor(readonly sizes: Sizes) {}

  /** Best of some rounds, in turns; the first contender is ours. */
  async compare(contenders: Readonly<Record<string, Work>>): Promise<Row[]> {
    const best = new Map<string, number>()
    for (let round = 0; round < this.sizes.rounds; round++) {
      for (const [name, work] of Object.entries(contenders)) {
        const start = performance.now()
        await work()
        const ms = performance.now() - start
        best.set(name, Math.min(ms, best.get(name) ?? Infinity))
      }
    }
    const [ours] = best.values()
    return [...best].map(([name, ms]) => ({ name, ms, ratio: ms / ours! }))
  }

  /** Runs `work` in a transaction of which nothing remains. */
  undone(work: () => void): Work {
    return () => {
      try {
        this.region.transact(() => {
          work()
          throw new RolledBack()
        })
      } catch (error) {
        if (!(error instanceof RolledBack)) throw error
      }
    }
  }

  /** The least that storing an array of doubles costs: its cell, and one copy. */
  store(values: ArrayLike<number>, length: number): void {
    const { session } = this.region
    const ref = session.space.allocate(8 + length * 8, session.registry.idOf(F64S))
    const { u32, f64 } = session.space.windowOf(ref)
    u32[((ref & 0x0fff_ffff) << 1) + 2] = length
    f64.set(values, (ref & 0x0fff_ffff) + 2)
  }
}

// ── pushing ──

function pushing(bench: Bench): Record<string, Work> {
  const { region, sizes: { pushes } } = bench
  return {
    'builder': bench.undone(() => {
      region.buildArray(t.f64, {}, (b) => {
        for (let i = 0; i < pushes; i++) b.push(i * 0.5)
      })
    }),
    'builder with a capacity': bench.undone(() => {
      region.buildArray(t.f64, { capacity: pushes }, (b) => {
        for (let i = 0; i < pushes; i++) b.push(i * 0.5)
      })
    }),
    'array, then copied': bench.undone(() => {
      const values: number[] = []
      for (let i = 0; i < pushes; i++) values.push(i * 0.5)
      bench.store(values, pushes)
    }),
    'growable typed array, a check per push': bench.undone(() => {
      let values = new Float64Array(1024)
      let length = 0
      for (let i = 0; i < pushes; i++) {
        if (length === values.length) {
          const longer = new Float64Array(2 * length)
          longer.set(values)
          values = longer
        }
        values[length++] = i * 0.5
      }
      bench.store(values.subarray(0, length), length)
    }),
  }
}

// ── numbers out of text ──

/** Rows of a latitude, a longitude, an amount and a count. */
function writeNumbers(path: string, bytes: number): void {
  let state = 7
  const below = (limit: number, digits: number): string => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return ((state / 2 ** 32) * limit).toFixed(digits)
  }
  const rows: string[] = []
  for (let written = 0; written < bytes; written += rows.at(-1)!.length) {
    rows.push(`-${below(90, 6)},${below(180, 6)},${below(1000, 2)},${below(1e5, 0)}\n`)
  }
  writeFileSync(path, rows.join(''))
}

function withFile(path: string, work: (fd: number) => void): void {
  const fd = openSync(path, 'r')
  try {
    work(fd)
  } finally {
    closeSync(fd)
  }
}

/** Numbers in a file, at most. */
const mostNumbers = (bytes: number): number => Math.ceil(bytes / 4) + 16

function parsing(bench: Bench, path: string): Record<string, Work> {
  const most = mostNumbers(bench.sizes.bytes)
  return {
    'builder.parseNumbers': bench.undone(() => withFile(path, (fd) => {
      bench.region.buildArray(t.f64, {}, (b) => b.parseNumbers(fd))
    })),
    'split + Number': bench.undone(() => {
      const values = new Float64Array(most)
      let length = 0
      for (const line of readFileSync(path, 'latin1').split('\n')) {
        if (line === '') continue
        for (const field of line.split(',')) values[length++] = Number(field)
      }
      bench.store(values.subarray(0, length), length)
    }),
  }
}

/** Its fastest way to numbers: typed columns. */
async function peerParsing(bench: Bench, path: string): Promise<Record<string, Work>> {
  if (!bench.sizes.peer) return {}
  const require = createRequire(join(PEER, 'package.json'))
  const { inferSchema, initParser } = await import(pathToFileURL(require.resolve('udsv')).href)
  return {
    'uDSV, typed columns': bench.undone(() => {
      const text = readFileSync(path, 'latin1')
      const head = text.slice(0, text.indexOf('\n', 500) + 1)
      const schema = inferSchema(head, { header: () => [], col: ',', row: '\n', encl: '' })
      const columns: number[][] = initParser(schema).typedCols(text)
      const rows = columns[0]!.length
      const values = new Float64Array(rows * columns.length)
      columns.forEach((column, c) => {
        for (let r = 0; r < rows; r++) values[r * columns.length + c] = column[r]!
      })
      bench.store(values, values.length)
    }),
  }
}

// ── lines ──

function splitting(bench: Bench, path: string): Record<string, Work> {
  return {
    'builder.splitLines': bench.undone(() => withFile(path, (fd) => {
      bench.region.buildArray(t.string, {}, (b) => b.splitLines(fd))
    })),
    'readline': () => new Promise<void>((resolve, reject) => {
      const lines: string[] = []
      createInterface({ input: createReadStream(path).once('error', reject), crlfDelay: Infinity })
        .on('line', (line) => lines.push(line))
        .on('close', resolve)
    }),
  }
}

export async function runBuilderBench(sizes: Sizes): Promise<Record<string, Row[]>> {
  const bench = new Bench(sizes)
  const path = join(bench.folder, 'numbers.csv')
  writeNumbers(path, sizes.bytes)
  const results = {
    pushing: await bench.compare(pushing(bench)),
    parsing: await bench.compare({ ...parsing(bench, path), ...await peerParsing(bench, path) }),
    lines: await bench.compare(splitting(bench, path)),
  }
  bench.region.close()
  return results
}

function print(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`)
  for (const { name, ms, ratio } of rows) {
    const numbers = `${ms.toFixed(0).padStart(7)} ms  ${ratio.toFixed(2).padStart(6)}`
    console.log(`  ${name.padEnd(40)} ${numbers}`)
  }
}

async function main(): Promise<void> {
  const [pushes = 10_000_000, bytes = 100_000_000] = argv.slice(2).map(Number)
  if (!existsSync(join(PEER, 'node_modules'))) {
    spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: PEER })
  }
  const sizes = { pushes, bytes, rounds: 3, peer: true }
  const { pushing, parsing, lines } = await runBuilderBench(sizes)
  print(`${pushes} pushes of f64`, pushing!)
  print(`Numbers out of ${bytes} bytes of text`, parsing!)
  print(`Lines out of ${bytes} bytes of text`, lines!)
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) await main()
