/** `rstore drop-map`: a whole map, multimap or value. */
import type { Argv } from 'yargs'
import { withProgress } from '../print/progress.js'
import type { ArgumentsOf } from '../shared/command.js'
import { UsageError } from '../shared/errors.js'
import { FILE, waiting, waitOption } from '../shared/options.js'
import { withWritable } from '../shared/source.js'

export const options = (yargs: Argv) => waitOption(yargs)
  .positional('file', FILE)
  .positional('map', { type: 'string', demandOption: true, describe: 'What it is called there' })
  .example('$0 drop-map cities.region old', 'With its indexes and everything it owns')

export async function run(args: ArgumentsOf<typeof options>): Promise<void> {
  await withProgress({ title: 'dropping' }, ({ onProgress }) =>
    withWritable(args.file, waiting(args), (region) => {
      const dropped = region.transact(() => region.dropMap(args.map, { onProgress }))
      if (!dropped) throw new UsageError(`there is no ${args.map}; \`rstore names\` lists what is`)
    }))
}
