/** `rstore rename-map`: gives a map, multimap or value another name. */
import type { Argv } from 'yargs'
import type { ArgumentsOf } from '../shared/command.js'
import { asUsage } from '../shared/errors.js'
import { FILE, waiting, waitOption } from '../shared/options.js'
import { withWritable } from '../shared/source.js'

export const options = (yargs: Argv) => waitOption(yargs)
  .positional('file', FILE)
  .positional('map', { type: 'string', demandOption: true, describe: 'What it is called now' })
  .positional('name', { type: 'string', demandOption: true, describe: 'What it shall be called' })
  .example('$0 rename-map cities.region cities places', 'Its indexes come along')

export function run(args: ArgumentsOf<typeof options>): void {
  withWritable(args.file, waiting(args), (region) =>
    region.transact(() => asUsage('not renamed', () => region.renameMap(args.map, args.name))))
}
