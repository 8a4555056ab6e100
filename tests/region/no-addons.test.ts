/**
 * Where Node was told to load no addons, or a bundler left the addon behind, the error says so, and
 * not to build another one. A bundle that had no package.json above it looked for one for ever.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('no addons')

const program = `import { Region } from 'rstore'
  try { Region.open('a.region') } catch ({ code, message }) { console.log(code, message) }`

test('RSTORE_NO_ADDON says which flag it is', () => {
  const { stdout } = spawnSync(process.execPath,
    ['--no-addons', '--input-type=module', '-e', program], { cwd: inRoot('.'), encoding: 'utf8' })
  assert.match(stdout, /^RSTORE_NO_ADDON .* loading addons is disabled\. Start Node without --no-a/)
})

test('RSTORE_NO_ADDON says that a program was bundled without it', () => {
  for (const format of ['esm', 'cjs'] as const) {
    const outfile = join(temporaryDirectory(), format === 'esm' ? 'bundle.mjs' : 'bundle.cjs')
    buildSync({
      stdin: { contents: program, resolveDir: inRoot('.') },
      bundle: true, platform: 'node', format, outfile, logLevel: 'error',
    })
    const { stdout } = spawnSync(process.execPath, [outfile], {
      encoding: 'utf8', timeout: 20_000,
    })
    assert.match(stdout, /^RSTORE_NO_ADDON .* a bundler left it behind\. Keep rstore out of the/)
  }
})

test.run()
