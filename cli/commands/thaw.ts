/** `rstore thaw`: from a packed file to a live one. */
import type { Argv } from 'yargs'
import { Packed } from '../../lib/index.js'
import { withProgress } from '../print/progress.js'
import { formatBytes } from '../print/units.js'
import { withCleanup } from '../shared/cleanups.js'
import type { ArgumentsOf } from '../shared/command.js'
import { refuseExisting } from '../shared/files.js'
import { FILE } from '../shared/options.js'
import { fileAt } from '../shared/source.js'

export const options = (yargs: Argv) => yargs
  .positional('file', FILE)
  .positional('out', { type: 'string', demandOption: true, describe: 'The new live region file' })
  .example('$0 thaw cities.packed cities.region',
    'Its root gets the name "root", unless it has one, or something else has that')

export async function run({ file, out }: ArgumentsOf<typeof options>): Promise<void> {
  refuseExisting(out)
  const path = await fileAt(file)
  const abort = new AbortController()
  await withProgress({ title: 'thawing', format: formatBytes }, ({ onProgress }) =>
    withCleanup(() => Packed.thaw(path, out, { onProgress, signal: abort.signal }), () =>
      abort.abort()))
}
