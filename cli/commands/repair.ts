/** `rstore repair FILE OUT`: a new region of what can be saved of a damaged one. */
import { statSync } from 'node:fs'
import type { Argv } from 'yargs'
import { salvage, type Salvaged, type SavedName } from '../../lib/index.js'
import { print, toJson } from '../print/output.js'
import { withProgress } from '../print/progress.js'
import { numeric, tableLines } from '../print/table.js'
import { formatBytes, formatCount } from '../print/units.js'
import { readWreckage, type Wreckage } from '../read/wreckage.js'
import { withCleanup } from '../shared/cleanups.js'
import type { ArgumentsOf } from '../shared/command.js'
import { CannotOpen } from '../shared/errors.js'
import { EXIT } from '../shared/exit-codes.js'
import { refuseExisting, removeRegion } from '../shared/files.js'
import { FILE } from '../shared/options.js'
import type { OnProgress } from '../shared/progress.js'
import { fileAt } from '../shared/source.js'

const LEAST_CAPACITY = 2 ** 32

export const options = (yargs: Argv) => yargs
  .positional('file', FILE)
  .positional('out', {
    type: 'string', demandOption: true, describe: 'The new one; must not exist',
  })
  .option('json', { type: 'boolean', default: false, describe: 'One JSON document' })
  .example('$0 repair damaged.region saved.region',
    'Exit code 1 when anything is damaged; the damaged file stays as it is')

/** The copy is no longer than what it is of. */
const capacityFor = ({ image, capacityBytes }: Wreckage): number =>
  capacityBytes ?? Math.max(LEAST_CAPACITY, 2 ** Math.ceil(Math.log2(image.endUnits * 8 * 2)))

const isComplete = ({ names, ...lost }: Salvaged): boolean =>
  lost.lostRefs + lost.lostEntries + lost.lostIndexes.length + lost.lostTypes.length === 0
  && names.every(({ lost: count, damaged, madeUp, ofStore }) =>
    count === 0 && !damaged && !madeUp && !ofStore)

const remarkOn = ({ damaged, madeUp, ofStore }: SavedName): string => [
  damaged ? 'parts of it are gone' : '', madeUp ? 'the name is made up' : '',
  ofStore ? 'names packed regions of its store: not saved' : '',
].filter((remark) => remark !== '').join('; ')

function textOf(saved: Salvaged, wreckage: Wreckage): string {
  const { image, lostOfLog, cutOff, damagedHead } = wreckage
  const { names, lostRefs, lostEntries, lostIndexes, lostTypes } = saved
  const columns = [
    { title: 'Name' }, { title: 'Kind' }, numeric('Saved'), numeric('Lost'), { title: 'Remark' },
  ]
  const rows = names.map((saved) => [
    saved.name, saved.kind, formatCount(saved.saved), formatCount(saved.lost), remarkOn(saved),
  ])
  const remarks: [number, string][] = [
    [image.damagedPages.size, 'damaged pages'],
    [image.uncheckedPages, 'pages may be damaged or not: their checksums are'],
    [lostRefs, 'references to records that are lost'],
    [lostEntries, 'entries of maps inside of records that are lost'],
    [lostTypes.length, `types that are lost: ${lostTypes.join(', ')}`],
    [lostIndexes.length, `indexes that have to be made again: ${lostIndexes.join(', ')}`],
  ]
  return [
    ...tableLines(columns, rows),
    ...remarks.filter(([count]) => count > 0)
      .map(([count, what]) => `${formatCount(count)} ${what}`),
    ...[damagedHead, cutOff, lostOfLog].filter((lost) => lost !== ''),
  ].join('\n')
}

async function repair(
  damaged: string, out: string, onProgress: OnProgress, onRead: () => void,
): Promise<{ wreckage: Wreckage; saved: Salvaged }> {
  const wreckage = readWreckage(damaged, onProgress)
  onRead()
  const abort = new AbortController()
  const saved = await withCleanup(() => salvage(out, wreckage.image, {
    capacity: capacityFor(wreckage), like: damaged, signal: abort.signal, onProgress,
  }), () => abort.abort())
  return { wreckage, saved }
}

export async function run({ file, out, json }: ArgumentsOf<typeof options>): Promise<void> {
  refuseExisting(out)
  const damaged = await fileAt(file)
  const { wreckage, saved } = await withProgress({ title: 'reading pages' }, (progress) =>
    repair(damaged, out, progress.onProgress, () =>
      progress.next('repairing')))
  const { image: { damagedPages, uncheckedPages }, lostOfLog, cutOff, damagedHead } = wreckage
  if (!wreckage.isRegion && saved.names.length === 0) {
    removeRegion(out)
    throw new CannotOpen(`${file}: not a region file, and nothing in it looks like a part of one`)
  }
  const bytes = statSync(out).size
  print(json
    ? toJson({
      file, out, bytes, damagedPages: damagedPages.size, uncheckedPages, damagedHead, lostOfLog,
      cutOff,
      ...saved,
    })
    : `${textOf(saved, wreckage)}\n${formatBytes(bytes)} saved to ${out}`)
  const isSound = damagedPages.size + uncheckedPages === 0
    && damagedHead + cutOff + lostOfLog === ''
  if (!isSound || !isComplete(saved)) process.exitCode = EXIT.damage
}
