/** Where Node was told to load no addons: the error says by what, and not to build another one. */
import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'

const test = suite('no addons')

test('RSTORE_NO_ADDON says which flag it is', () => {
  const program = `import { Region } from 'rstore'
    try { Region.open('a.region') } catch ({ code, message }) { console.log(code, message) }`
  const { stdout } = spawnSync(process.execPath,
    ['--no-addons', '--input-type=module', '-e', program], { cwd: inRoot('.'), encoding: 'utf8' })
  assert.match(stdout, /^RSTORE_NO_ADDON .* loading addons is disabled\. Start Node without --no-a/)
})

test.run()
