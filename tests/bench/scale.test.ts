/** The benchmark of growing work with few records, and what is written of its results. */
import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { describeMachine, measuredTree } from './report/machine.js'
import { markdown } from './report/write.js'
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

test.run()
