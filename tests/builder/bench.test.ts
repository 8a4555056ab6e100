/** The benchmark of builders, tiny, so that it does not rot; and the example. */
import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runBuilderBench } from '../bench/builder.js'
import { inRoot } from '../harness/paths.js'

const test = suite('builders: benchmark and example')

test('the benchmark runs', async () => {
  const sizes = { pushes: 10_000, bytes: 100_000, rounds: 1, peer: false }
  const results = await runBuilderBench(sizes)
  assert.equal(Object.keys(results), ['pushing', 'parsing', 'lines'])
  for (const rows of Object.values(results)) {
    assert.ok(rows.length >= 2)
    for (const { ms } of rows) assert.ok(ms > 0)
  }
})

test('the example builds a region from a CSV file of numbers', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [
    '--disallow-code-generation-from-strings', inRoot('dist/examples/numbers/build.js'), '100000',
  ], { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  assert.match(stdout, /400000 numbers out of \d+ MB/)
})

test.run()
