/**
 * Graphs that are built and dropped, some of them retained, beside a large JavaScript heap: block
 * regions (a literal for each record, and one object that is filled anew for each) and plain
 * objects, each in a process of its own.
 *
 *   node dist/tests/bench/pool.js [graphs] [records] [retained] [heap MiB] [rounds]
 *
 * Pauses are those of the garbage collector on the main thread (perf_hooks), without those before
 * the first graph; memory is the highest resident size since then, less what there was before.
 * Medians of the rounds, each figure for itself: whether a major collection falls into a run with
 * plain objects is chance, and makes their pauses three times as long.
 */
import { spawnSync } from 'node:child_process'
import { constants, PerformanceObserver, performance } from 'node:perf_hooks'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { Pool, t, type BlockRegion, type Ref } from '../../lib/index.js'
import { median } from './rounds.js'

export interface PoolSizes {
  graphs: number
  records: number
  retained: number
  heapMiB: number
}

export interface PoolResult {
  name: string
  ms: number
  longestPauseMs: number
  totalPauseMs: number
  majorCollections: number
  peakMiB: number
  /** Of what was read: the same for all. */
  sum: number
}

const FULL: PoolSizes = { graphs: 10_000, records: 1000, retained: 1000, heapMiB: 2048 }

interface PlainNode {
  id: number
  weight: number
  next: PlainNode | undefined
  other: PlainNode | undefined
}

const Node = t.struct('Node', {
  id: t.u32, weight: t.f64, next: t.optional(t.self), other: t.optional(t.self),
})

interface Contender {
  build(records: number): unknown
  /** Walks part of a graph. */
  read(graph: never): number
  drop(graph: never): void
}

const objects: Contender = {
  build(records) {
    const nodes: PlainNode[] = []
    for (let id = 0; id < records; id++) {
      nodes.push({ id, weight: id / 2, next: nodes[id - 1], other: nodes[id >> 1] })
    }
    return nodes[records - 1]
  },
  read(graph: PlainNode) {
    let sum = 0
    let node: PlainNode | undefined = graph
    for (let i = 0; i < 20 && node !== undefined; i++) {
      sum += node.weight + (node.other?.id ?? 0)
      node = node.next
    }
    return sum
  },
  drop() {},
}

interface Graph { region: BlockRegion; root: Ref<any> }

const blocks: Contender = {
  build(records) {
    const region = Pool.default.region()
    const refs: Ref<any>[] = []
    for (let id = 0; id < records; id++) {
      refs.push(region.alloc(Node, {
        id, weight: id / 2, next: refs[id - 1], other: refs[id >> 1],
      } as never))
    }
    return { region, root: refs[records - 1]! }
  },
  read({ region, root }: Graph) {
    let sum = 0
    let node = region.deref(root)
    for (let i = 0; i < 20 && node !== undefined; i++) {
      sum += node.weight + (node.other?.id ?? 0)
      node = node.next
    }
    return sum
  },
  drop({ region }: Graph) {
    region.free()
  },
}

/** `alloc` copies what it is passed: so one object does for all records, and refs are numbers. */
const record = { id: 0, weight: 0.5, next: undefined as unknown, other: undefined as unknown }
let places = new Uint32Array(0)

const reusing: Contender = {
  ...blocks,
  build(records) {
    const region = Pool.default.region()
    if (places.length < records) places = new Uint32Array(records)
    for (let id = 0; id < records; id++) {
      record.id = id
      record.weight = id / 2
      record.next = id === 0 ? undefined : places[id - 1]
      record.other = id === 0 ? undefined : places[id >> 1]
      places[id] = region.alloc(Node, record as never)
    }
    return { region, root: places[records - 1]! as Ref<any> }
  },
}

const CONTENDERS: Readonly<Record<string, Contender>> = {
  'block regions': blocks, 'block regions, one object': reusing, objects,
}

/** So many MiB of small objects that live. */
function fillHeap(heapMiB: number): unknown[] {
  return Array.from({ length: heapMiB }, () => {
    let last: unknown = null
    return Array.from({ length: 21_800 }, (_, i) => (last = { i, last: i % 64 ? last : null }))
  })
}

/** Garbage collections from now on. */
class Pauses {
  longestMs = 0
  totalMs = 0
  major = 0
  private readonly observer = new PerformanceObserver((list) => this.note(list.getEntries()))

  constructor() {
    this.observer.observe({ entryTypes: ['gc'] })
  }

  private note(entries: readonly { duration: number; detail?: unknown }[]): void {
    for (const { duration, detail } of entries) {
      this.longestMs = Math.max(this.longestMs, duration)
      this.totalMs += duration
      const { kind } = detail as { kind: number }
      if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.major++
    }
  }

  async end(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20))
    this.note(this.observer.takeRecords())
    this.observer.disconnect()
  }
}

async function measure(name: string, sizes: PoolSizes): Promise<PoolResult> {
  const contender = CONTENDERS[name]!
  const heap = fillHeap(sizes.heapMiB)
  contender.drop(contender.build(1) as never)
  const before = process.memoryUsage.rss()
  const pauses = new Pauses()
  const retained: unknown[] = []
  let [sum, peak] = [0, 0]
  const start = performance.now()
  for (let i = 0; i < sizes.graphs; i++) {
    const slot = (i * 7919) % sizes.retained
    if (retained[slot] !== undefined) contender.drop(retained[slot] as never)
    const graph = (retained[slot] = contender.build(sizes.records))
    sum += contender.read(graph as never)
    if (i % 100 === 0) peak = Math.max(peak, process.memoryUsage.rss())
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const ms = performance.now() - start
  await pauses.end()
  for (const graph of retained) if (graph !== undefined) contender.drop(graph as never)
  return {
    name, ms, longestPauseMs: pauses.longestMs, totalPauseMs: pauses.totalMs,
    majorCollections: pauses.major, peakMiB: (peak - before) / 2 ** 20,
    sum: sum + (heap.length - sizes.heapMiB),
  }
}

/**
 * V8 makes the young generation small when little of it survives, and then collects it very often.
 * So both ways: as it is, and with a lower limit.
 */
const YOUNG: Readonly<Record<string, readonly string[]>> = {
  '': [], ', young 16 MiB': ['--min-semi-space-size=16'],
}

/** In a process of its own. */
function inProcess(name: string, sizes: PoolSizes, flags: readonly string[]): PoolResult {
  const { status, stdout, stderr } = spawnSync(process.execPath, [
    ...flags, `--max-old-space-size=${sizes.heapMiB + 2048}`, fileURLToPath(import.meta.url),
    'one', name, JSON.stringify(sizes),
  ], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${name}: ${stderr}`)
  return JSON.parse(stdout) as PoolResult
}

function mediansOf(name: string, results: readonly PoolResult[]): PoolResult {
  const of = (figure: keyof Omit<PoolResult, 'name'>): number =>
    median(results.map((result) => result[figure]))
  return {
    name, ms: of('ms'), longestPauseMs: of('longestPauseMs'), totalPauseMs: of('totalPauseMs'),
    majorCollections: of('majorCollections'), peakMiB: of('peakMiB'), sum: of('sum'),
  }
}

/** One contender after the other, in so many rounds. */
export function comparePool(sizes: PoolSizes, rounds: number): PoolResult[] {
  const contenders = Object.entries(YOUNG).flatMap(([young, flags]) =>
    Object.keys(CONTENDERS).map((name) => ({ name, young, flags, results: [] as PoolResult[] })))
  for (let round = 0; round < rounds; round++) {
    for (const { name, flags, results } of contenders) results.push(inProcess(name, sizes, flags))
  }
  return contenders.map(({ name, young, results }) => mediansOf(`${name}${young}`, results))
}

const COLUMNS: readonly (readonly [string, number, (result: PoolResult) => string])[] = [
  ['time', 10, ({ ms }) => `${ms.toFixed(0)} ms`],
  ['longest pause', 16, ({ longestPauseMs }) => `${longestPauseMs.toFixed(1)} ms`],
  ['all pauses', 13, ({ totalPauseMs }) => `${totalPauseMs.toFixed(0)} ms`],
  ['major', 8, ({ majorCollections }) => String(majorCollections)],
  ['peak memory', 14, ({ peakMiB }) => `+${peakMiB.toFixed(0)} MiB`],
]
const NAME_WIDTH = 42

function print(results: readonly PoolResult[]): void {
  const row = (name: string, cell: (column: (typeof COLUMNS)[number]) => string): void =>
    console.log(name.padEnd(NAME_WIDTH)
      + COLUMNS.map((column) => cell(column).padStart(column[1])).join(''))
  row('', ([title]) => title)
  for (const result of results) row(result.name, ([, , show]) => show(result))
}

if (fileURLToPath(import.meta.url) === argv[1]) {
  if (argv[2] === 'one') {
    console.log(JSON.stringify(await measure(argv[3]!, JSON.parse(argv[4]!) as PoolSizes)))
  } else {
    const given = argv.slice(2).map(Number)
    print(comparePool({
      graphs: given[0] ?? FULL.graphs, records: given[1] ?? FULL.records,
      retained: given[2] ?? FULL.retained, heapMiB: given[3] ?? FULL.heapMiB,
    }, given[4] ?? 3))
  }
}
