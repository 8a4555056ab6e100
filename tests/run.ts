/**
 * Runs every test file, each in a process of its own, two at a time.
 *
 *   node dist/tests/run.js [part of a path …]
 *
 * Prints a line for each file, the whole output of those that fail, and at the end `N passed, N
 * failed`. A file counts as failed that crashes, hangs, reports nothing, does not exit after its
 * last test, or was never compiled.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from './harness/paths.js'
import { killRunningTests, runTestFile, type FileResult } from './harness/runner.js'

const AT_A_TIME = 2

/**
 * Those that take longest begin first, so that none of them is left for the end: they compile C++,
 * or start hundreds of processes.
 */
const LONGEST = [
  'native/native', 'processes/kill', 'compact/crash', 'native/crash/', 'fuzz/', 'processes/torture',
  'packed/crash', 'store/killed', 'cli/', 'bench/', 'vector/',
].map((part) => `tests/${part}`)

const rankOf = (path: string): number => {
  const rank = LONGEST.findIndex((part) => path.startsWith(part))
  return rank === -1 ? LONGEST.length : rank
}

const byDuration = (a: string, b: string): number => rankOf(a) - rankOf(b)

function testFiles(): string[] {
  return readdirSync(inRoot('tests'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
    .map((name) => join('tests', name))
    .sort()
    .sort(byDuration)
}

const compiledPath = (path: string): string =>
  inRoot(join('dist', path.replace(/\.ts$/, '.js')))

function print(path: string, { passed, failed, ms, output, problem }: FileResult): void {
  const counts = failed > 0 ? `${passed} passed, ${failed} failed` : `${passed} passed`
  const verdict = failed > 0 ? 'FAIL' : 'ok  '
  console.log(`${verdict} ${path}  ${counts}  ${(ms / 1000).toFixed(1)} s  ${problem}`.trimEnd())
  if (failed > 0 && output !== '') console.log(`${output.trimEnd()}\n`)
}

async function main(filters: readonly string[]): Promise<void> {
  const all = testFiles()
  const queue = filters.length === 0
    ? all
    : all.filter((path) => filters.some((part) => path.includes(part)))
  let [passed, failed] = [0, 0]
  const worker = async () => {
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      const result = await runTestFile(compiledPath(path))
      passed += result.passed
      failed += result.failed
      print(path, result)
    }
  }
  const nothing = queue.length === 0
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
  if (nothing) console.log(`No test file matches ${filters.join(' ')}`)
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0 || nothing) process.exitCode = 1
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killRunningTests()
    process.kill(process.pid, signal)
  })
}
await main(process.argv.slice(2))
