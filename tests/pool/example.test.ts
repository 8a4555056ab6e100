/** The README's program with block regions is the example, and the example runs. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'

const test = suite('pool: example')

test('it is what the README says', () => {
  const readme = readFileSync(inRoot('README.md'), 'utf8')
  const example = readFileSync(inRoot('examples/blocks.ts'), 'utf8')
  const [, body] = /\/\/ README: begin\n([^]*?)\/\/ README: end/.exec(example)!
  assert.ok(readme.slice(readme.indexOf('## Block regions')).includes(body!))
})

test('it runs', () => {
  const { status, stderr } = spawnSync(process.execPath,
    ['--disallow-code-generation-from-strings', inRoot('dist/examples/blocks.js')],
    { encoding: 'utf8' })
  assert.is(status, 0, stderr)
})

test.run()
