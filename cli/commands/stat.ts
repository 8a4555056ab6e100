/** `rstore stat FILE`: numbers of a region; with `--watch` again and again. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Argv } from 'yargs'
import { Packed, type ReadOnlyRegion, type RegionStats } from '../../lib/index.js'
import { print, toJson } from '../print/output.js'
import { pairLines } from '../print/table.js'
import { formatBytes, formatCount } from '../print/units.js'
import type { ArgumentsOf } from '../shared/command.js'
import { UsageError } from '../shared/errors.js'
import { FILE } from '../shared/options.js'
import { fileAt, openFile } from '../shared/source.js'

export const options = (yargs: Argv) => yargs
  .positional('file', FILE)
  .option('watch', { alias: 'w', type: 'boolean', default: false, describe: 'Until Ctrl-C' })
  .option('interval', {
    type: 'number', requiresArg: true, default: 1, describe: 'With --watch: seconds',
  })
  .option('count', {
    type: 'number', requiresArg: true, describe: 'With --watch: lines, instead of until Ctrl-C',
  })
  .option('json', { type: 'boolean', default: false, describe: 'JSON; with --watch, a line each' })
  .example('$0 stat cities.region', 'Sizes, epochs, readers')
  .example('$0 stat cities.region --watch', 'Commits per second, log, readers, faults')

interface Moment extends RegionStats { commitsPerSecond: number; oldestReaderMs: number }

const byteNames = [
  ['capacity', 'capacity'], ['fileBytes', 'file'], ['allocatedBytes', 'in use'],
  ['freeBytes', 'free'], ['logBytes', 'log'],
] as const
const countNames = [
  ['epoch', 'last commit'], ['checkpointEpoch', 'in the file up to'], ['readers', 'readers'],
] as const

const statText = (stats: RegionStats): string => pairLines([
  ...byteNames.map(([key, name]) => [name, formatBytes(stats[key])] as const),
  ...countNames.map(([key, name]) => [name, formatCount(stats[key])] as const),
]).join('\n')

const COLUMNS = ['commits/s', 'commit', 'behind', 'log', 'file', 'readers', 'oldest', 'faults']
/** All of them fit into 80 columns. */
const COLUMN_CHARS = 10

const columnsOf = (cells: readonly string[]): string =>
  cells.map((cell, i) => cell.padStart(i === 0 ? COLUMN_CHARS - 1 : COLUMN_CHARS)).join('')

const lineOf = (now: Moment): string => columnsOf([
  formatCount(Math.round(now.commitsPerSecond)), formatCount(now.epoch),
  formatCount(now.epoch - now.checkpointEpoch), formatBytes(now.logBytes),
  formatBytes(now.fileBytes), formatCount(now.readers), `${now.oldestReaderMs} ms`,
  formatCount(now.faults),
])

/** Our own handle is no reader that anybody asks for. */
function momentOf(region: ReadOnlyRegion, before: RegionStats, seconds: number): Moment {
  const stats = region.read(() => region.stats())
  const readers = region.readers().filter(({ pid, epoch }) => pid !== process.pid && epoch !== 0)
  return {
    ...stats,
    readers: readers.length,
    oldestReaderMs: Math.max(0, ...readers.map(({ ageMs }) => ageMs)),
    commitsPerSecond: (stats.epoch - before.epoch) / seconds,
  }
}

function statsOf(region: ReadOnlyRegion | Packed): RegionStats {
  if (region instanceof Packed) return { ...region.stats(), readers: 0 }
  const { commitsPerSecond: _, ...stats } = momentOf(region, region.stats(), 1)
  return stats
}

const show = ({ file, json }: ArgumentsOf<typeof options>, stats: RegionStats): void =>
  print(json ? toJson({ file, ...stats }) : statText(stats))

async function watch(
  region: ReadOnlyRegion, { interval, count = Infinity, json }: ArgumentsOf<typeof options>,
): Promise<void> {
  if (!json) print(columnsOf(COLUMNS))
  let before = region.read(() => region.stats())
  let beganMs = performance.now()
  for (let lines = 0; lines < count; lines++) {
    await sleep(interval * 1000)
    const nowMs = performance.now()
    const now = momentOf(region, before, (nowMs - beganMs) / 1000)
    print(json ? JSON.stringify(now) : lineOf(now))
    before = now
    beganMs = nowMs
  }
}

/** A longer one would not be waited for at all. */
const LONGEST_SECONDS = 2 ** 31 / 1000 - 1

function check({ interval, count, watch }: ArgumentsOf<typeof options>): void {
  if (!(interval > 0)) throw new UsageError('--interval must be more than 0 seconds')
  if (interval > LONGEST_SECONDS) throw new UsageError('--interval must be less than 24 days')
  const isCount = count === undefined || (Number.isInteger(count) && count >= 1)
  if (!isCount) throw new UsageError('--count must be a whole number from 1 on')
  if (count !== undefined && !watch) throw new UsageError('--count is for --watch')
}

export async function run(args: ArgumentsOf<typeof options>): Promise<void> {
  check(args)
  const region = openFile(await fileAt(args.file))
  try {
    if (!args.watch) return show(args, statsOf(region))
    if (region instanceof Packed) {
      throw new UsageError(`${args.file} is packed: nobody can write to it, nothing will happen`)
    }
    await watch(region, args)
  } finally {
    region.close()
  }
}
