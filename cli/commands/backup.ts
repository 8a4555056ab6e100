/** `rstore backup FILE OUT`: a consistent copy of the last commit, while others go on writing. */
import { statSync } from 'node:fs'
import type { Argv } from 'yargs'
import { Region } from '../../lib/index.js'
import { print, toJson } from '../print/output.js'
import { withProgress } from '../print/progress.js'
import { formatBytes } from '../print/units.js'
import { withCleanup } from '../shared/cleanups.js'
import type { ArgumentsOf } from '../shared/command.js'
import { refuseExisting } from '../shared/files.js'
import { FILE } from '../shared/options.js'
import { fileAt } from '../shared/source.js'

export const options = (yargs: Argv) => yargs
  .positional('file', FILE)
  .positional('out', { type: 'string', demandOption: true, describe: 'The copy; must not exist' })
  .option('json', { type: 'boolean', default: false, describe: 'One JSON document' })
  .example('$0 backup cities.region /backups/cities.region', 'Complete in one file')

export async function run({ file, out, json }: ArgumentsOf<typeof options>): Promise<void> {
  refuseExisting(out)
  const region = Region.open(await fileAt(file))
  try {
    await withProgress({ title: 'copying', format: formatBytes }, (progress) =>
      withCleanup(() => region.backup(out, {
        onProgress: progress.onProgress,
      }), () => region.close()))
    const bytes = statSync(out).size
    print(json ? toJson({ file, out, bytes }) : `${formatBytes(bytes)} copied to ${out}`)
  } finally {
    region.close()
  }
}
