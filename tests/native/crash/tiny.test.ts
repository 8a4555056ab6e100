/**
 * Some random workloads, crashed everywhere, over a log of tiny segments: `crash:random` in
 * short.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runProgram } from '../../harness/program.js'
import { buildTinyCrashTest } from './tiny.js'

const test = suite('crashes over tiny segments')

test('random workloads', async () => {
  const program = await buildTinyCrashTest()
  const { output, status } = await runProgram(program, ['random=3'])
  assert.is(status, 0, output)
})

test.run()
