/** `rstore checkpoint FILE`: brings what is committed from the log into the file. */
import type { Argv } from 'yargs'
import { Region } from '../../lib/index.js'
import { print, toJson } from '../print/output.js'
import { withProgress } from '../print/progress.js'
import { formatCount } from '../print/units.js'
import type { ArgumentsOf } from '../shared/command.js'
import { FILE } from '../shared/options.js'
import { fileAt } from '../shared/source.js'

export const options = (yargs: Argv) => yargs
  .positional('file', FILE)
  .option('json', { type: 'boolean', default: false, describe: 'One JSON document' })
  .example('$0 checkpoint cities.region', 'Up to the oldest commit that is being read')

export async function run({ file, json }: ArgumentsOf<typeof options>): Promise<void> {
  const region = Region.open(await fileAt(file))
  try {
    await withProgress({ title: 'checkpointing' }, ({ onProgress }) =>
      region.checkpoint({ onProgress }))
    const { epoch, checkpointEpoch } = region.stats()
    const held = epoch - checkpointEpoch
    print(json ? toJson({ file, epoch, checkpointEpoch })
      : `commit ${formatCount(checkpointEpoch)} is in the file`
        + (held === 0 ? '' : `; readers hold ${formatCount(held)} more in the log`))
  } finally {
    region.close()
  }
}
