/** The benchmark of growing work with few records, and what is written of its results. */
import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { describeMachine, measuredTree } from './report/machine.js'
import { earlierRuns, markdown, type Results } from './report/write.js'
import type { Step } from './scale-steps.js'

const test = suite('bench: scale, and the report')

function run(step: Step): number[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [
    inRoot('dist/tests/bench/scale-steps.js'), JSON.stringify(step),
  ], { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  return JSON.parse(stdout) as number[]
}

test('each step measures what it is for', () => {
  const directory = temporaryDirectory()
  const step = { driver: 'rstore', records: 5000, directory, seed: 1 } as const
  const figures = [...run({ ...step, operation: 'insert' }), ...run({ ...step, operation: 'rest' })]
  assert.is(figures.length, 4)
  assert.ok(figures.every((figure) => figure > 0))
})

test('the report names the tree, the machine, and what was not measured', () => {
  const text = markdown({
    tree: measuredTree(), date: '2026-01-31', machine: describeMachine(inRoot('.'), []), rounds: 5,
    load: 1, clock: 'wall', leftOut: ['open, 40,000,000 records'],
    series: [
      { workload: 'scan-field', driver: 'rstore', records: 1000, load: 1, values: [[4, 5, 6]] },
    ],
  }, { tree: 'some-tree', date: '2026-01-31', points: [] })
  assert.match(text, /git tree `([0-9a-f]{40}|unknown)/)
  assert.match(text, /Node v\d+/)
  assert.match(text, /\| Scan, one field.* \| \*\*5\.0 ns\*\*/)
  assert.match(text, /Not measured in this run: .*bulk-load/)
  assert.match(text, /No time was left for: open, 40,000,000 records/)
  assert.match(text, /results\/scale\.svg/)
})

test('what no time was left for is shown as the last run had it', () => {
  const resultsOf = (date: string, records: number[], leftOut: string[]): Results => ({
    tree: `tree of ${date}`, date, machine: describeMachine(inRoot('.'), []), rounds: 3,
    load: 1, clock: 'wall', leftOut,
    series: records.map((size) => (
      { workload: 'scan-field', driver: 'rstore', records: size, load: 1, values: [[size]] })),
  })
  const [small, large, huge] = [1000, 20_000, 300_000]
    .map((size) => `scan-field, ${size.toLocaleString('en')} records`) as [string, string, string]
  const first = resultsOf('2026-01-29', [1000, 20_000, 300_000], [])
  const second = resultsOf('2026-01-30', [1000, 20_000], [huge])
  second.earlier = earlierRuns(second.leftOut, first)
  const third = resultsOf('2026-01-31', [1000], [large, huge, 'open, 40,000,000 records'])
  third.earlier = earlierRuns(third.leftOut, second)
  assert.equal(third.earlier.map(({ date, series }) => [date, series[0]!.records]),
    [['2026-01-30', 20_000], ['2026-01-29', 300_000]])
  assert.equal(earlierRuns([small], undefined), [])
  const text = markdown(third, undefined)
  assert.match(text, /## From the run of 2026-01-30\n[^#]*`tree of 2026-01-30`.*3 rounds/)
  assert.match(text, /### 20,000 records\n[^#]*\*\*20\.0 µs\*\*/)
  assert.match(text, /No time was left for: open, 40,000,000 records\.\n/)
})

test.run()
