/**
 * Runs one compiled test file in this process and reports every finished suite as a line of JSON on
 * file descriptor 3, where the runner listens. Written at once and synchronously: what was reported
 * stays reported when the process dies.
 *
 * uvu is driven here and not by its own `exec`, because that one forgets a suite whose hook threw:
 * it prints "0 / 3" in green.
 */
import { writeSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

export interface SuiteResult { passed: number; failed: number }

type SuiteRun = () => Promise<[errors: string | true, ran: number, skipped: number, total: number]>

declare global {
  var UVU_DEFER: number | undefined
  var UVU_INDEX: number | undefined
  var UVU_QUEUE: [null, ...SuiteRun[]][] | undefined
}

const RESULTS_FD = 3

async function runSuite(suite: SuiteRun): Promise<void> {
  const [errors, ran, skipped, total] = await suite()
  const failed = total - ran + skipped
  if (typeof errors === 'string') process.stdout.write(`\n${errors}\n`)
  else if (failed > 0) process.stdout.write('\nA hook threw, or tests are skipped.\n')
  const result: SuiteResult = { passed: ran, failed }
  writeSync(RESULTS_FD, `${JSON.stringify(result)}\n`)
  if (failed > 0) process.exitCode = 1
}

globalThis.UVU_DEFER = 1
globalThis.UVU_INDEX = 0
globalThis.UVU_QUEUE = [[null]]
await import(pathToFileURL(process.argv[2]!).href)
for (const suite of globalThis.UVU_QUEUE[0]!.slice(1) as SuiteRun[]) await runSuite(suite)
writeSync(RESULTS_FD, 'done\n')
