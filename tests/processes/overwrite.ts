/** npm run overwrite -- --gib 4 --transactions 1000: the long version of memory.test.ts. */
import { join } from 'node:path'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { temporaryDirectory } from '../harness/temporary.js'
import { overwrite } from './overwriting.js'

const { gib, transactions } = await yargs(hideBin(process.argv))
  .strict()
  .options({
    gib: { type: 'number', default: 4, describe: 'how much is overwritten' },
    transactions: { type: 'number', default: 1000, describe: 'in how many transactions' },
  })
  .parse()

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`
const result = await overwrite({
  path: join(temporaryDirectory(), 'overwrite.region'),
  totalBytes: gib * 2 ** 30,
  transactions,
  onProgress: (done) => process.stderr.write(`\r${'█'.repeat(done).padEnd(20, '░')}`),
})
process.stderr.write('\n')
const { writerBytes, idleBytes, busyBytes, openMs, logBytes } = result
console.log(
  `private memory: writer ${mib(writerBytes)}, idle reader ${mib(idleBytes)}, busy reader ` +
    `${mib(busyBytes)}; log ${mib(logBytes)}; `
    + `opening took at most ${Math.max(...openMs).toFixed(1)} ms`,
)
if (Math.max(writerBytes, idleBytes, busyBytes) > 300 * 2 ** 20) process.exitCode = 1
