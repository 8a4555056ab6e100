/** Examples are programs that check themselves: they have to end well. */
import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'

const test = suite('examples')

function run(path: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath,
    ['--disallow-code-generation-from-strings', inRoot(path)], { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  return stdout
}

test('a vector that threads push to', () => {
  run('dist/examples/vector/main.js')
})

test('the first program', () => {
  run('dist/examples/first.js')
})

test('the demo: imports, asks and changes in other processes, inspects', () => {
  const shown = run('dist/examples/cities/demo.js')
  assert.match(shown, /place 100,000: /)
  assert.match(shown, / {2}Tromsø, place \d+/)
  assert.match(shown, /third process sees .*"visits":1/)
  assert.match(shown, /No damage found/)
  assert.match(shown, /JSON\.parse +\d+\.\d ms/)
})

test.run()
