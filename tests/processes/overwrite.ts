/** npm run overwrite -- --gib 4 --transactions 1000: the long version of memory.test.ts. */
import { join } from 'node:path'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { temporaryDirectory } from '../harness/temporary.js'
import { most, overwrite } from './overwriting.js'

const { gib, transactions } = await yargs(hideBin(process.argv))
  .strict()
  .options({
    gib: { type: 'number', default: 4, describe: 'how much is overwritten' },
    transactions: { type: 'number', default: 1000, describe: 'in how many transactions' },
  })
  .parse()

const MIB = 2 ** 20
const LOG = 64 * MIB
/**
 * Pages of the log wait for their first touch, so the worst moment is hardly worse than any other.
 * The first of these handles costs the engine a full collection, since it is this process's second.
 */
const LIMITS = {
  anonymousBytes: 300 * MIB, dirtyBytes: 300 * MIB + LOG, usualOpenCpuMs: 10, openCpuMs: 60,
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1]!
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(0)} MiB`
const result = await overwrite({
  path: join(temporaryDirectory(), 'overwrite.region'),
  totalBytes: gib * 2 ** 30,
  transactions,
  privateBytes: 64 * MIB,
  logBytes: LOG,
  onProgress: (done) => process.stderr.write(`\r${'█'.repeat(done).padEnd(20, '░')}`),
})
process.stderr.write('\n')
const { writer, idle, busy, openMs, openCpuMs, logBytes } = result
const memory = [writer, idle, busy].map(({ anonymousBytes }) => mib(anonymousBytes))
// The processor's time of opening is judged: the clock tells what others do.
const [longestMs, longestCpuMs] = [Math.max(...openMs), Math.max(...openCpuMs)]
const usualCpuMs = median(openCpuMs)
console.log(
  `private memory: writer ${memory[0]}, idle reader ${memory[1]}, busy reader ${memory[2]}, `
    + `with dirty pages of the log at most ${mib(most(result, 'dirtyBytes'))}; `
    + `log ${mib(logBytes)}; opening took ${median(openMs).toFixed(1)} ms in the median, at most `
    + `${longestMs.toFixed(1)}, of the processor ${usualCpuMs.toFixed(1)} and `
    + `${longestCpuMs.toFixed(1)}`,
)
const broken = [
  most(result, 'anonymousBytes') > LIMITS.anonymousBytes && 'private memory',
  most(result, 'dirtyBytes') > LIMITS.dirtyBytes && 'dirty memory',
  (usualCpuMs > LIMITS.usualOpenCpuMs || longestCpuMs > LIMITS.openCpuMs) && 'the time to open',
  logBytes > LOG && 'the log',
  result.rounds === 0 && 'the busy reader did not read: nothing',
].filter((what) => what !== false)
if (broken.length > 0) {
  console.log(`beyond its limit: ${broken.join(', ')}`)
  process.exitCode = 1
}
