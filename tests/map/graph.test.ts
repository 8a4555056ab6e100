/**
 * A cyclic graph of 100,000 records: one program writes it, another walks it in place, a third
 * changes it.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('map: a graph in several processes')

const program = fileURLToPath(new URL('graph-program.js', import.meta.url))

test('write, walk, change, walk; every byte is accounted for', () => {
  const path = join(temporaryDirectory(), 'graph.region')
  const run = (action: string): string => execFileSync(process.execPath,
    ['--disallow-code-generation-from-strings', program, action, path], { encoding: 'utf8' }).trim()
  const sound = JSON.stringify({ ok: true, problems: 0, leaked: 0, unknown: 0 })
  const labels = (changed: boolean): number => {
    let sum = 0
    for (let i = 0; i < 100_000; i += changed ? 2 : 1)
      sum += `${changed ? 'changed' : 'node'} ${i}`.length
    return sum
  }
  const numbers = 100_000 * 99_999 / 2
  assert.is(run('write'), '100000 written')
  assert.is(run('walk'), `100000 walked, sum ${2 * numbers + labels(false)}`)
  assert.is(run('verify'), sound)
  assert.is(run('change'), 'changed')
  assert.is(run('walk'), `50000 walked, sum ${50_000 * 49_999 + labels(true)}`)
  assert.is(run('verify'), sound)
})

test.run()
