/**
 * Some random workloads, crashed everywhere, over a log of tiny segments: `crash:random` in
 * short.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../compile.js'
import { buildTinyCrashTest } from './tiny.js'

const test = suite('crashes over tiny segments')

test('random workloads', async () => {
  const program = await buildTinyCrashTest('crash-random')
  const { output, status } = await run(program, ['random=3'])
  assert.is(status, 0, output)
})

test.run()
