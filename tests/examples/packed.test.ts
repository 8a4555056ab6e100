/** The README's section on packed regions is examples/packed.ts, and that runs. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'

const test = suite('example: packed regions and stores')

test('it runs', () => {
  const { status, stderr } = spawnSync(process.execPath, [inRoot('dist/examples/packed.js')], {
    encoding: 'utf8',
  })
  assert.is(status, 0, stderr)
})

test('it is what the README shows', () => {
  const [, section] = readFileSync(inRoot('README.md'), 'utf8').split(
    '## Packed regions and stores',
  )
  const [, snippet] = /```ts\n([^]*?)```/.exec(section!)!
  const example = readFileSync(inRoot('examples/packed.ts'), 'utf8')
  const [, body] = /\/\/ README: begin\n([^]*?)\/\/ README: end/.exec(example)!
  assert.is(snippet, body)
})

test.run()
