/** One test file in a process of its own: what it reports, and the ways in which it can fail to. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import type { Readable } from 'node:stream'
import { ROOT, inRoot } from './paths.js'
import type { SuiteResult } from './run-file.js'

/** How long a file may take, and its process from the last test to its exit. */
const LIMITS = { fileMs: 600_000, exitMs: 10_000 }

/** How a process ended; `late` says which time limit it ran into, if any. */
interface Ending { how: string; late: string }

export interface FileResult {
  passed: number
  failed: number
  ms: number
  /** What it printed. */
  output: string
  /** What is wrong beside failed tests, or ''. */
  problem: string
}

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}

/** A test file leads a process group: what it has left running goes with it. */
function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const running = new Set<ChildProcess>()

/** For a runner that is told to stop. */
export function killRunningTests(): void {
  for (const child of running) killGroup(child)
}

function start(compiled: string): ChildProcess {
  const child = spawn(process.execPath, [
    '--disallow-code-generation-from-strings', '--enable-source-maps',
    inRoot('dist/tests/harness/run-file.js'), compiled,
  ], { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  running.add(child)
  return child
}

function countsOf(lines: readonly string[]): SuiteResult {
  const suites = lines.filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as SuiteResult)
  return {
    passed: suites.reduce((sum, { passed }) => sum + passed, 0),
    failed: suites.reduce((sum, { failed }) => sum + failed, 0),
  }
}

/** What is wrong beside failed tests, if anything. */
function problemOf(lines: readonly string[], counts: SuiteResult, { how, late }: Ending): string {
  if (late !== '') return late
  if (!lines.includes('done')) return `ended before its last test (${how})`
  if (counts.passed + counts.failed === 0) return 'reported no test: is `.run()` missing?'
  return counts.failed === 0 && how !== 'exit code 0' ? `ended with ${how}` : ''
}

async function waitFor(
  child: ChildProcess, results: Readable, limits: typeof LIMITS,
): Promise<Ending> {
  let late = ''
  const kill = (why: string) => () => {
    late = why
    killGroup(child)
  }
  let timer = setTimeout(kill(`still ran after ${limits.fileMs / 1000} s`), limits.fileMs)
  results.on('data', (chunk: Buffer) => {
    if (!chunk.includes('done\n')) return
    clearTimeout(timer)
    timer = setTimeout(kill('did not exit after its last test'), limits.exitMs)
  })
  const closed = new Promise((resolve) => child.once('close', resolve))
  const how = await new Promise<string>((resolve) => child.once('exit', (code, signal) =>
    resolve(signal === null ? `exit code ${code}` : `signal ${signal}`)))
  clearTimeout(timer)
  killGroup(child)
  await closed
  return { how, late }
}

/** Runs one compiled test file to its end, or to its time limit. */
export async function runTestFile(compiled: string, limits = LIMITS): Promise<FileResult> {
  if (!existsSync(compiled)) {
    return { passed: 0, failed: 1, ms: 0, output: '', problem: 'was not compiled' }
  }
  const begun = performance.now()
  const child = start(compiled)
  const results = child.stdio[3] as Readable
  const [stdout, stderr] = [collect(child.stdout!), collect(child.stderr!)]
  const report = collect(results)
  const ending = await waitFor(child, results, limits)
  running.delete(child)
  const lines = report().split('\n')
  const counts = countsOf(lines)
  const problem = problemOf(lines, counts, ending)
  const failed = counts.failed === 0 && problem !== '' ? 1 : counts.failed
  const ms = performance.now() - begun
  return { passed: counts.passed, failed, ms, output: stdout() + stderr(), problem }
}
