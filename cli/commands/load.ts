/** `rstore load`: JSON Lines or CSV into a region. */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Argv } from 'yargs'
import { Region, type RegionOptions, type Size } from '../../lib/index.js'
import { chunksLater, chunksNow } from '../load/chunks.js'
import { removeLeftovers } from '../load/leftovers.js'
import { Loading, type Loaded, type LoadingOptions } from '../load/loading.js'
import { safeJson } from '../print/json.js'
import { escapeText } from '../print/escape.js'
import { print, printError } from '../print/output.js'
import { withProgress, type Progress } from '../print/progress.js'
import { formatBytes, formatCount } from '../print/units.js'
import { withCleanup } from '../shared/cleanups.js'
import type { ArgumentsOf } from '../shared/command.js'
import { asUsage, CannotOpen, UsageError } from '../shared/errors.js'
import {
  isClosedWell, publish, refuseExisting, refuseFolder, removeRegion, temporaryPath,
} from '../shared/files.js'
import { FILE, isStandardInput, jsonOption, waiting, waitOption } from '../shared/options.js'
import { isThere, withWritable } from '../shared/source.js'

export const options = (yargs: Argv) =>
  waitOption(jsonOption(yargs, 'What was loaded, as one JSON document'))
    .positional('file', { ...FILE, describe: `${FILE.describe}; made when it is not there` })
    .positional('input', { type: 'string', default: '-', describe: 'A file; - is standard input' })
    .option('map', {
      type: 'string', requiresArg: true, describe: 'Into which map. A dump says itself',
    })
    .option('key', {
      type: 'string', requiresArg: true, describe: 'The field that is the key; several: a,b',
    })
    .option('schema', {
      type: 'string', requiresArg: true,
      describe: 'A file with {"key": type, "value": type}, or a dump; default: the types that the '
        + 'map has, or those of the first rows',
    })
    .option('format', {
      choices: ['jsonl', 'csv'] as const, requiresArg: true,
      describe: 'Default: by the name of INPUT',
    })
    .option('skip-bad', {
      type: 'boolean', default: false, describe: 'Leave out what cannot be stored, and say so',
    })
    .option('capacity', {
      type: 'string', requiresArg: true, default: '4GiB',
      describe: 'Of a new file: bytes, or with KiB, MiB, GiB',
    })
    .example('$0 load copy.region cities.jsonl', 'What `rstore dump` printed, as it was')
    .example('$0 load a.region a.csv --map cities --key id', 'Types are told from rows')
    .example('zcat a.gz | $0 load a.region --map m --key a,b', 'From a pipe; a tuple as key')
    .epilogue('All of it is loaded, or nothing. Into a new file in bounded memory; into one that '
      + 'is there in one transaction, which needs memory for what it changes. A line of JSON has '
      + 'at most 256 MiB, a row of CSV 64 Mi characters.')

type Arguments = ArgumentsOf<typeof options>

/** Bytes as a number; what has a unit as it is. */
const capacityOf = ({ capacity }: Arguments): Size =>
  /^\d+$/.test(capacity) ? Number(capacity) : capacity as Size

/** An open input, and how long it is; 0 where nobody knows. */
interface Input { fd: number; bytes: number }

function loadingOptions(args: Arguments): LoadingOptions {
  const { input, map, key, schema, format, 'skip-bad': skipBad } = args
  return {
    format: format ?? (/\.csv$/i.test(input) ? 'csv' : 'jsonl'),
    map, schema, skipBad,
    keyFields: key?.split(',') ?? [],
  }
}

const CLOSING_TRIES = 50
const CLOSING_WAIT_MS = 100

/**
 * The last close brings what is in the log into the file. It may not have been the last, because
 * somebody else just looked at the file (removeLeftovers does), or have met a full disk.
 */
async function closeWell(path: string, settings: RegionOptions): Promise<void> {
  for (let tries = 0; !isClosedWell(path); tries++) {
    if (tries === CLOSING_TRIES) {
      throw new CannotOpen(`${path}: what was loaded could not be written into the file: `
        + 'is the disk full? Nothing was loaded')
    }
    if (tries > 0) await sleep(CLOSING_WAIT_MS)
    Region.open(path, settings).close()
  }
}

/** In as many transactions as there are chunks: the file is not there for others yet. */
async function loadNew(
  args: Arguments, { fd, bytes }: Input, progress: Progress,
): Promise<Loaded> {
  refuseExisting(args.file)
  for (const leftover of removeLeftovers(args.file)) {
    printError(`${escapeText(leftover)}: left by a load that was killed; removed`)
  }
  const temporary = temporaryPath(args.file)
  const settings = { capacity: capacityOf(args), durability: 'none' } as const
  let isOurs = false
  return withCleanup(async () => {
    const region = asUsage('--capacity', () => Region.create(temporary, settings))
    isOurs = true
    try {
      const loading = new Loading(region, loadingOptions(args))
      let done = 0
      for await (const chunk of chunksLater(fd)) {
        region.transact(() => loading.feed(chunk))
        done += chunk.length
        progress.update(done, Math.max(bytes, done))
      }
      const loaded = region.transact(() => loading.finish())
      await region.flush()
      region.close()
      await closeWell(temporary, settings)
      publish(temporary, args.file)
      return loaded
    } finally {
      region.close()
    }
  }, () => {
    if (isOurs) removeRegion(temporary)
  })
}

/** In one transaction: whatever ends the process undoes it. */
function loadInto(args: Arguments, { fd, bytes }: Input, progress: Progress): Loaded {
  return withWritable(args.file, waiting(args), (region) => region.transact(() => {
    const loading = new Loading(region, loadingOptions(args))
    let done = 0
    for (const chunk of chunksNow(fd)) {
      loading.feed(chunk)
      done += chunk.length
      progress.update(done, Math.max(bytes, done))
    }
    return loading.finish()
  }))
}

function report({ loaded, replaced, skipped }: Loaded, json: boolean, ms: number): void {
  if (json) return print(safeJson({ loaded, replaced, skipped }))
  const parts = [
    `${formatCount(loaded)} loaded`,
    ...replaced > 0 ? [`${formatCount(replaced)} of them replaced others`] : [],
    ...skipped > 0 ? [`${formatCount(skipped)} left out`] : [],
  ]
  print(`${parts.join(', ')}, in ${(ms / 1000).toFixed(1)} s`)
}

export async function run(args: Arguments): Promise<void> {
  const begun = performance.now()
  const isPiped = isStandardInput(args.input)
  if (isPiped && process.stdin.isTTY) {
    throw new UsageError('say what to load: a file, or `… | rstore load`')
  }
  if (!isPiped) refuseFolder(args.input)
  const fd = isPiped ? 0 : openSync(args.input, 'r')
  try {
    const input = { fd, bytes: fstatSync(fd).size }
    const loaded = await withProgress({ title: 'loading', format: formatBytes }, (progress) =>
      isThere(args.file) ? loadInto(args, input, progress) : loadNew(args, input, progress))
    report(loaded, args.json, performance.now() - begun)
  } finally {
    if (fd !== 0) closeSync(fd)
  }
}
