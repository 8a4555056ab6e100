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
import { EXIT } from '../shared/exitCodes.js'
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
type Told = Pick<Progress, 'update'>

export const options = (yargs: Argv) => yargs
  .positional('file', {
    type: 'string', demandOption: true, describe: 'A live or packed region, a vector, or a store',
  })
  .option('json', { type: 'boolean', default: false, describe: 'One JSON document' })
  .example('$0 verify cities.region', 'Exit code 0 when it is sound, 1 when it is damaged')

/** The files as they are: structure and, of every page, the checksum. */
export function verifyFiles(file: string): { kind: string; problems: Found[] } {
  return readRegion(file, (image: RegionImage) => {
    const { identity, problems } = inspectRegion(image)
    image.pages.checkAll(image.endUnits)
    return { kind: identity.kind, problems: [...problems] }
  })
}

async function verifyRecords(
  file: string, kind: string, progress: Told,
): Promise<VerifyReport | undefined> {
  if (kind === 'packed') return Packed.verify(file)
  if (kind !== 'live') return undefined
  const region = Region.open(file, { readOnly: true })
  try {
    return await region.verify({ onProgress: (done, total) => progress.update(done, total) })
  } finally {
    region.close()
  }
}

const verificationOf = ({ ok, problems, bytes }: VerifyReport): Verification => ({
  ok, bytes, problems: problems.map(({ path = '', ...rest }) => ({ ...rest, where: path })),
})

async function verifyStore(folder: string): Promise<Verification> {
  const store = Store.open(folder, { readOnly: true })
  try {
    return verificationOf(await store.verify())
  } finally {
    store.close()
  }
}

/** What `rstore verify` says, as data. */
export async function verification(file: string, progress: Told): Promise<Verification> {
  if (isStoreFolder(file)) return verifyStore(file)
  const path = await fileAt(file)
  const { kind, problems } = verifyFiles(path)
  if (problems.length > 0) return { ok: false, problems }
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
  const found = await withProgress({ title: 'verifying' }, (progress) =>
    verification(file, progress))
  print(json ? toJson({ file, ...found }) : textOf(found))
  if (!found.ok) process.exitCode = EXIT.damage
}
