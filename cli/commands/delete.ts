/** `rstore delete`: takes out one key. */
import type { Argv } from 'yargs'
import { JsonMap } from '../../lib/index.js'
import type { ArgumentsOf } from '../shared/command.js'
import { asUsage, UsageError } from '../shared/errors.js'
import { keyFromText, shownKey } from '../shared/keys.js'
import { FILE, waiting, waitOption } from '../shared/options.js'
import { withWritable } from '../shared/source.js'

export const options = (yargs: Argv) => waitOption(yargs)
  .positional('file', FILE)
  .positional('map', { type: 'string', demandOption: true, describe: 'What it is called there' })
  .positional('key', {
    type: 'string', describe: 'Left out for a single value, whose name and type go with it',
  })
  .example('$0 delete cities.region cities NO/Oslo', 'Of a multimap all values of the key')

export function run(args: ArgumentsOf<typeof options>): void {
  const { file, map, key } = args
  withWritable(file, waiting(args), (region) => {
    const opened = JsonMap.open(region, map)
    const { key: keyType, kind } = opened.schema
    if ((keyType === undefined) !== (key === undefined)) {
      throw new UsageError(key === undefined
        ? `a key is missing: ${map} is a ${kind}. \`rstore drop-map\` drops all of it`
        : `${map} is a single value and has no keys`)
    }
    const deleted = region.transact(() => asUsage('the key', () =>
      opened.delete(keyType === undefined ? undefined : keyFromText(key!, keyType))))
    if (deleted === 0) throw new UsageError(`${map} has no ${shownKey(key)}`)
  })
}
