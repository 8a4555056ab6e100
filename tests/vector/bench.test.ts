/** The benchmark runs, so that it does not rot; what it measures here means nothing. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'
import { runProgram } from '../harness/program.js'

const test = suite('vector benchmark')

test('runs', async () => {
  const { output, status } = await runProgram(process.execPath,
    [inRoot('dist/tests/bench/vector.js'), '--tiny', '--json'])
  assert.is(status, 0, output)
  const { total, figures, reading } = JSON.parse(output)
  assert.is(total, 20_000)
  assert.is(figures.length, 10)
  assert.ok(figures.every(({ ns }: { ns: number }) => ns > 0))
  assert.ok(reading.vector > 0)
})

test.run()
