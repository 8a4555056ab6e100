/** BENCHMARKS.md, the figures behind it, and the plots. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { inRoot } from '../../harness/paths.js'
import { OURS, RIVAL } from '../drivers/index.js'
import type { Series } from '../rounds.js'
import { TARGETS } from '../targets.js'
import { advantage } from './numbers.js'
import type { Machine } from './machine.js'
import { plotOfRatios, plotOfScale, type Bar, type Point } from './plot.js'
import { rowsOf, sizesIn, tableOf } from './table.js'

/** What tables say of themselves. */
interface Run {
  /** Of the checkout that was measured. */
  tree: string
  date: string
  rounds: number
  series: Series[]
}

export interface Results extends Run {
  machine: Machine
  /** The highest load average before a measurement: what else the machine had to do. */
  load: number
  /** What workloads that are not durable were timed by. */
  clock: 'cpu' | 'wall'
  /** Workloads, with sizes, for which no time was left. */
  leftOut: string[]
  /** These as runs before had them, the last one first. */
  earlier?: Run[]
}

/** What `npm run bench:scale` found. */
export interface Scale { tree: string; date: string; points: Point[] }

const RESULTS = inRoot('tests/bench/results')
const inResults = (name: string): string => `${RESULTS}/${name}`

/** Loads that are more than the benchmark's own make figures doubtful. */
const QUIET_LOAD = 2.5

function readJson<T>(name: string): T | undefined {
  return existsSync(inResults(name)) ? JSON.parse(readFileSync(inResults(name), 'utf8')) : undefined
}

/** Of the size at which most was measured. */
function barsOf(series: readonly Series[]): Bar[] {
  const count = (size: number): number =>
    series.filter(({ records }) => records === size).length
  const [size] = sizesIn(series).sort((one, other) => count(other) - count(one))
  return rowsOf(series.filter(({ records }) => records === size)).flatMap((row) => {
    const ours = row.medians.get(OURS)
    return [...row.medians].flatMap(([driver, value]): Bar[] =>
      ours === undefined || driver === OURS || value === 0
        ? [] : [{ title: row.title, driver, advantage: advantage(ours, value, row.metric) }])
  })
}

const listOf = (entries: Record<string, string>): string =>
  Object.entries(entries).map(([name, text]) => `- **${name}**: ${text}`).join('\n')

function machineText({ tree, date, machine, rounds, load, clock }: Results): string {
  const { processor, memory, system, fileSystem, node, versions, settings } = machine
  const noise = load > QUIET_LOAD
    ? `\n**The machine was busy with other work (load average up to ${load.toFixed(1)}): `
      + 'read ratios, not figures.**\n' : ''
  const timing = clock === 'wall' ? '' : '\nTimed by processor time of the measured process and '
    + 'its threads; what is durable, opens or runs several\nprocesses by the clock.\n'
  return `Measured on ${date}: git tree \`${tree}\` (the checkout without this file,
\`tests/bench/results\` and \`tests/bench/LIMITS.md\`); ${processor}, ${memory} of memory,
${system}, ${fileSystem}, Node ${node}.
Medians of ${rounds} round${rounds === 1 ? '' : 's'}; in each every peer in turn, each measurement
in a process of its own.
${noise}${timing}
${listOf(Object.fromEntries(Object.entries(settings).map(([name, text]) =>
    [`${name} ${versions[name]}`, text])))}`
}

function notes(): string {
  return `- Records have six fields and about 100 bytes: two strings, three numbers, a small one.
- In brackets: how many times better ${OURS} is than that peer; below 1, worse.
- Reading one field or every field: of the object or row that the peer gives. A \`Map\` is memory in
  one process, without a file: the floor, not a peer.
- YCSB: by string key, popularity by Zipf's law; an update sets one field, and is a transaction of
  its own, not synced.
- Not synced: survives the process; after a power failure ${OURS} and SQLite keep a prefix of the
  commits, ${RIVAL} with \`noSync\` promises nothing.
- Sizes are what the files take up on disk, holes left out.`
}

function scaleText(scale: Scale | undefined): string {
  if (scale === undefined) return ''
  return `
## As work grows

![Cost as the number of records grows](tests/bench/results/scale.svg)

Made by \`npm run bench:scale\` on ${scale.date} from tree \`${scale.tree}\`.
Records of two numbers.
`
}

/** Of a row of the tables. */
export const rowName = ({ workload, records }: Pick<Series, 'workload' | 'records'>): string =>
  `${workload}, ${records.toLocaleString('en')} records`

/** What the results before, and those they took over, have of what was left out this time. */
export function earlierRuns(leftOut: readonly string[], before: Results | undefined): Run[] {
  const missing = new Set(leftOut)
  return [before, ...before?.earlier ?? []].flatMap((run) => {
    const series = run?.series.filter((one) => missing.has(rowName(one))) ?? []
    for (const one of series) missing.delete(rowName(one))
    if (run === undefined || series.length === 0) return []
    return [{ tree: run.tree, date: run.date, rounds: run.rounds, series }]
  })
}

const tablesOf = (series: readonly Series[], heading: string): string =>
  sizesIn(series).map((records) => `${heading} ${records.toLocaleString('en')} records\n\n`
    + `${tableOf(series, records)}\n`).join('\n')

const earlierText = ({ earlier = [] }: Results): string => earlier.map((run) => `
## From the run of ${run.date}

For these no time was left this time. Git tree \`${run.tree}\`, medians of ${run.rounds} rounds.

${tablesOf(run.series, '###')}`).join('')

function missesText({ series, leftOut: missed, earlier = [] }: Results): string {
  const known = new Set(earlier.flatMap((run) => run.series.map(rowName)))
  const leftOut = missed.filter((name) => !known.has(name))
  const missing = TARGETS.filter(({ workload }) =>
    !series.some((one) => one.workload === workload && one.driver === OURS))
  const names = new Set(missing.map(({ workload }) => workload))
  const named = names.size === 0 ? '' : `\nNot measured in this run: ${[...names].join(', ')}.\n`
  return leftOut.length === 0
    ? named : `${named}\nNo time was left for: ${leftOut.join('; ')}.\n`
}

/** The text of BENCHMARKS.md. */
export function markdown(results: Results, scale: Scale | undefined): string {
  const tables = `${tablesOf(results.series, '##')}${earlierText(results)}`
  const limits = existsSync(inRoot('tests/bench/LIMITS.md'))
    ? `\n${readFileSync(inRoot('tests/bench/LIMITS.md'), 'utf8').trim()}\n` : ''
  return `# Benchmarks

<!-- Written by npm run bench; do not edit. -->

${machineText(results)}

${notes()}

![How many times better than each peer](tests/bench/results/ratios.svg)

${tables}${missesText(results)}${limits}${scaleText(scale)}`
}

/** Writes everything, with the other benchmark's last results. */
async function write(results: Results | undefined, scale: Scale | undefined): Promise<void> {
  if (results !== undefined) {
    writeFileSync(inResults('ratios.svg'), await plotOfRatios(barsOf(results.series)))
    writeFileSync(inRoot('BENCHMARKS.md'), markdown(results, scale))
  }
  if (scale !== undefined) writeFileSync(inResults('scale.svg'), await plotOfScale(scale.points))
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`

export async function writeResults(results: Results): Promise<void> {
  mkdirSync(RESULTS, { recursive: true })
  const earlier = earlierRuns(results.leftOut, readJson<Results>('results.json'))
  const all = { ...results, earlier }
  writeFileSync(inResults('results.json'), json(all))
  await write(all, readJson<Scale>('scale.json'))
}

export async function writeScale(scale: Scale): Promise<void> {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(inResults('scale.json'), json(scale))
  await write(readJson<Results>('results.json'), scale)
}
