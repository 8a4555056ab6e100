/**
 * The long version of the torture: npm run torture -- --seconds 600 --seed 1 --writers 4 --readers
 * 6
 *
 * Prints what was done, or fails with what went wrong and the seed.
 */
import { join } from 'node:path'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { temporaryDirectory } from '../harness/temporary.js'
import { torture, type Result } from './torturing.js'

const options = await yargs(hideBin(process.argv))
  .strict()
  .options({
    seconds: { type: 'number', default: 60, describe: 'how long' },
    seed: {
      type: 'number',
      default: Date.now() % 2 ** 31,
      describe: 'repeats a run, as far as processes can',
    },
    writers: { type: 'number', default: 4, describe: 'processes that write' },
    readers: { type: 'number', default: 6, describe: 'processes that read' },
    path: {
      type: 'string',
      describe: 'the region; it must not exist. Default: in a temporary folder',
    },
  })
  .parse()

const WIDTH = 30

function showProgress(seconds: number, { commits, reads, kills }: Result): void {
  const share = Math.min(1, seconds / options.seconds)
  const bar = '█'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '░')
  process.stderr.write(
    `\r${bar} ${seconds.toFixed(0)} s  ${commits} commits, ${reads} reads, ${kills} kills `,
  )
}

console.log(`seed ${options.seed}`)
const { path = join(temporaryDirectory(), 'torture.region'), ...rest } = options
const result = await torture({ ...rest, path, onProgress: showProgress })
process.stderr.write('\n')
console.log(
  `${result.commits} commits, ${result.reads} reads, ${result.kills} kills; ` +
    `no commit was lost or seen in part; after a writer's death the next commit came within ` +
    `${result.longestBlockMs.toFixed(0)} ms, every commit under way within `
    + `${result.longestWaitMs.toFixed(0)} ms (a member waited for a processor for at most `
    + `${result.lagMs.toFixed(0)} ms, which is not counted)`,
)
