/**
 * Runs the test suite on other versions of Node, with the addon as it was built for this one.
 *
 *   node dist/tests/runtimes/run.js [major …] [part of a path …]
 *
 * The runtimes come from the npm package `node` and are kept in tests/runtimes/cache.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, inRoot } from '../harness/paths.js'

const MAJORS = ['22', '24', '26']

/** The executable of a major version, installed when it is not there yet. */
function runtime(major: string): string {
  const folder = inRoot(join('tests/runtimes/cache', major))
  const executable = join(folder, 'node_modules/node/bin/node')
  if (existsSync(executable)) return executable
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({
    private: true, allowScripts: { node: true },
  }))
  const { status, stdout, stderr } = spawnSync('npm', [
    'install', `node@${major}`, '--no-audit', '--no-fund', '--no-save',
  ], { cwd: folder, encoding: 'utf8' })
  if (status === 0 && existsSync(executable)) return executable
  throw new Error(`node@${major} could not be installed:\n${stdout}${stderr}`)
}

const wanted = process.argv.slice(2)
const majors = wanted.filter((word) => /^\d+$/.test(word))
const filters = wanted.filter((word) => !majors.includes(word))
const summaries: string[] = []
for (const major of majors.length > 0 ? majors : MAJORS) {
  const executable = runtime(major)
  const version = spawnSync(executable, ['--version'], { encoding: 'utf8' }).stdout.trim()
  console.log(`\n── Node ${version}\n`)
  const { status, stdout } = spawnSync(executable, [inRoot('dist/tests/run.js'), ...filters], {
    cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.stdout.write(stdout)
  summaries.push(`Node ${version}: ${stdout.trimEnd().split('\n').at(-1)}`)
  if (status !== 0) process.exitCode = 1
}
console.log(`\n${summaries.join('\n')}`)
