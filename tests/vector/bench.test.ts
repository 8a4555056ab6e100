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
  // Of use only against a loss of ten times: an engine that mixes up the kinds took 15 and more.
  const ratios = reading.map(({ vector, typedArray }: Record<string, number>) =>
    vector! / typedArray!)
  assert.is(ratios.length, 3)
  assert.ok(Math.min(...ratios) < 8, `get costs ${ratios} times a read of a typed array`)
})

test.run()
