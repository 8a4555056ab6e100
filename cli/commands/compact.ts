/**
 * `rstore compact FILE`: the live data, densely, into a new file that takes its place; or the free
 * pages of the old one back to the file system.
 */
import { statSync } from 'node:fs'
import type { Argv } from 'yargs'
import { Region, type Compacted } from '../../lib/index.js'
import { print, toJson } from '../print/output.js'
import { withProgress } from '../print/progress.js'
import { formatBytes, formatShare } from '../print/units.js'
import { withCleanup } from '../shared/cleanups.js'
import type { ArgumentsOf } from '../shared/command.js'
import { UsageError } from '../shared/errors.js'
import { refuseExisting } from '../shared/files.js'
import { FILE } from '../shared/options.js'
import { fileAt } from '../shared/source.js'

/** Whoever waits would rather wait than be told; a year is not for ever, but will do. */
const FOR_EVER_MS = 365 * 24 * 3600 * 1000

export const options = (yargs: Argv) => yargs
  .positional('file', FILE)
  .option('output', {
    alias: 'o', type: 'string', requiresArg: true,
    describe: 'Make a region of its own there; FILE stays as it is',
  })
  .option('in-place', {
    type: 'boolean', default: false,
    describe: 'Copy nothing: give free pages of FILE back to the file system, cut its end',
  })
  .option('wait', {
    type: 'boolean', default: false, describe: 'Wait while somebody writes, instead of exit code 4',
  })
  .option('json', { type: 'boolean', default: false, describe: 'One JSON document' })
  .example('$0 compact cities.region', 'Replace the file; readers move over by themselves')
  .example('$0 compact cities.region -o small.region', 'Into another file')
  .example('$0 compact cities.region --in-place', 'Less on the disk; refs stay as they are')

export async function run(
  { file, output, 'in-place': inPlace, wait, json }: ArgumentsOf<typeof options>,
): Promise<void> {
  if (inPlace && output !== undefined) {
    throw new UsageError('--in-place changes FILE itself: it goes without --output')
  }
  if (output !== undefined) refuseExisting(output)
  const begun = performance.now()
  const abort = new AbortController()
  const path = await fileAt(file)
  const lengthBefore = statSync(path).size
  const region = Region.open(path)
  let compacted: Compacted
  try {
    compacted = await withProgress({ title: 'compacting' }, (progress) =>
      withCleanup(() => region.compact(output, {
        inPlace,
        timeoutMs: wait ? FOR_EVER_MS : 0,
        signal: abort.signal,
        onProgress: progress.onProgress,
      }), () => abort.abort()))
  } finally {
    region.close()
  }
  const { before, after } = compacted
  const milliseconds = Math.round(performance.now() - begun)
  const to = output ?? file
  const lengths = inPlace ? { lengthBefore, lengthAfter: statSync(path).size } : undefined
  const what = inPlace ? 'on the disk before' : 'before'
  print(json ? toJson({ file: to, before, after, ...lengths, milliseconds })
    : `${formatBytes(before)} ${what}, ${formatBytes(after)} after `
      + `(${formatShare(after, before)}), ${(milliseconds / 1000).toFixed(1)} s`
      + (lengths === undefined ? '' : `\n${lengthText(lengths)}`))
}

/** The file is cut when it is closed, unless somebody else has it open. */
const lengthText = ({ lengthBefore, lengthAfter }: Record<string, number>): string =>
  `${formatBytes(lengthBefore!)} long before, ${formatBytes(lengthAfter!)} after`
