/** `rstore get`: one value. */
import type { Argv } from 'yargs'
import { JsonMap } from '../../lib/index.js'
import { safeJson } from '../print/json.js'
import { print } from '../print/output.js'
import type { ArgumentsOf } from '../shared/command.js'
import { asUsage, UsageError } from '../shared/errors.js'
import { keyFromText, shownKey } from '../shared/keys.js'
import { FILE, jsonOption } from '../shared/options.js'
import { withRegion } from '../shared/source.js'

export const options = (yargs: Argv) => jsonOption(yargs, 'On one line')
  .positional('file', FILE)
  .positional('map', { type: 'string', demandOption: true, describe: 'What it is called there' })
  .positional('key', { type: 'string', describe: 'Left out for a single value' })
  .example('$0 get cities.region cities NO/Oslo', 'A record of a map')
  .example('$0 get cities.region places \'["NO",3]\'', 'A tuple is typed as JSON')
  .example('$0 get shop/library settings', 'A single value, in region "library" of store "shop"')

export function run({ file, map, key, json }: ArgumentsOf<typeof options>): void {
  withRegion(file, (region) => {
    const opened = JsonMap.open(region, map)
    const { key: keyType } = opened.schema
    if (keyType === undefined && key !== undefined) {
      throw new UsageError(`${map} is a single value and has no keys`)
    }
    if (keyType !== undefined && key === undefined) {
      throw new UsageError(
        `a key is missing: ${map} is a ${opened.schema.kind}. \`rstore scan\` prints all of it`)
    }
    const value = keyType === undefined ? opened.get()
      : asUsage('the key', () => opened.get(keyFromText(key!, keyType)))
    if (value === undefined) throw new UsageError(`${map} has no ${shownKey(key)}`)
    print(safeJson(value, json ? undefined : 2))
  })
}
