/**
 * `rstore verify FILE|DIR`: everything that can be checked. First the files as they are, read
 * without opening them, so that no recovery mends what is to be seen; then, where that finds
 * nothing, every record by its type.
 */
import type { Argv } from 'yargs'
import { Packed, Region, Store, type VerifyReport } from '../../lib/index.js'
import { print, toJson } from '../print/output.js'
import { withProgress, type Progress } from '../print/progress.js'
import { tableLines } from '../print/table.js'
import { formatBytes } from '../print/units.js'
import { inspectRegion } from '../read/inspection.js'
import { readRegion, type RegionImage } from '../read/region.js'
import type { ArgumentsOf } from '../shared/command.js'
import { EXIT } from '../shared/exit-codes.js'
import type { OnProgress } from '../shared/progress.js'
import { fileAt, isStoreFolder } from '../shared/source.js'

export interface Found {
  code?: string
  page?: number
  ref?: number
  where: string
  message: string
}

export interface Verification { ok: boolean; problems: Found[]; bytes?: VerifyReport['bytes'] }

/** Whoever is told how far it is. */
type Told = Pick<Progress, 'onProgress' | 'next'>
const NOBODY: Told = { onProgress: () => {}, next: () => {} }

export const options = (yargs: Argv) => yargs
  .positional('file', {
    type: 'string', demandOption: true, describe: 'A live or packed region, a vector, or a store',
  })
  .option('json', { type: 'boolean', default: false, describe: 'One JSON document' })
  .example('$0 verify cities.region', 'Exit code 0 when it is sound, 1 when it is damaged')

/** The files as they are: structure and, of every page, the checksum. */
export function verifyFiles(
  file: string, onProgress: OnProgress = () => {},
): { kind: string; problems: Found[] } {
  return readRegion(file, (image: RegionImage) => {
    const { identity, problems } = inspectRegion(image, (done, all) => onProgress(done, 2 * all))
    image.pages.checkAll(image.endUnits, (done, all) => onProgress(all + done, 2 * all))
    return { kind: identity.kind, problems: [...problems] }
  })
}

async function verifyRecords(
  file: string, kind: string, progress: Told,
): Promise<VerifyReport | undefined> {
  if (kind === 'packed') return Packed.verify(file, { onProgress: progress.onProgress })
  if (kind !== 'live') return undefined
  const region = Region.open(file, { readOnly: true })
  try {
    return await region.verify({ onProgress: progress.onProgress })
  } finally {
    region.close()
  }
}

const verificationOf = ({ ok, problems, bytes }: VerifyReport): Verification => ({
  ok, bytes, problems: problems.map(({ path = '', ...rest }) => ({ ...rest, where: path })),
})

async function verifyStore(folder: string, progress: Told): Promise<Verification> {
  const store = Store.open(folder, { readOnly: true })
  try {
    return verificationOf(await store.verify({ onProgress: progress.onProgress }))
  } finally {
    store.close()
  }
}

/** What `rstore verify` says, as data. */
export async function verification(file: string, progress = NOBODY): Promise<Verification> {
  if (isStoreFolder(file)) return verifyStore(file, progress)
  const path = await fileAt(file)
  const { kind, problems } = verifyFiles(path, progress.onProgress)
  if (problems.length > 0) return { ok: false, problems }
  progress.next('checking records')
  const report = await verifyRecords(path, kind, progress)
  return report === undefined ? { ok: true, problems } : verificationOf(report)
}

const rowOf = ({ page, where, message }: Found): string[] =>
  [page === undefined ? '' : String(page), where, message]

function textOf({ ok, problems, bytes }: Verification): string {
  if (!ok) {
    const columns = [{ title: 'Page', right: true }, { title: 'Where' }, { title: 'Problem' }]
    return [...tableLines(columns, problems.map(rowOf)), `${problems.length} problems`].join('\n')
  }
  if (bytes === undefined) return 'sound'
  const { live, free, leaked } = bytes
  return `sound: ${formatBytes(live)} live, ${formatBytes(free)} free`
    + (leaked === 0 ? '' : `, ${formatBytes(leaked)} that no name leads to`)
}

export async function run({ file, json }: ArgumentsOf<typeof options>): Promise<void> {
  const found = await withProgress({ title: 'checking pages' }, (progress) =>
    verification(file, progress))
  print(json ? toJson({ file, ...found }) : textOf(found))
  if (!found.ok) process.exitCode = EXIT.damage
}
