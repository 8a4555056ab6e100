/**
 * The tools' packages: a package of their own, installed when one of them is first run, so that
 * neither users nor tests need them.
 */
import { writeFileSync } from 'node:fs'
import { at, readText, run } from '../native/tools.mjs'

export const inTools = (...parts) => at('tools', ...parts)
export const binary = (name) => inTools('node_modules', '.bin', name)

/**
 * By exact versions, without a lock file: npm leaves binaries for other platforms out of one that
 * it makes here, and then refuses it.
 */
export function installTools() {
  const wanted = readText(inTools('package.json'))
  const stamp = inTools('node_modules', '.installed.json')
  if (readText(stamp) === wanted) return
  run('npm install in tools', 'npm', [
    'install', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund',
  ], () => 'Is the package registry reachable?', { cwd: inTools() })
  writeFileSync(stamp, wanted)
}
