/** `rstore set`: puts one value. */
import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import type { Argv } from 'yargs'
import { JsonMap, type NameSchema } from '../../lib/index.js'
import type { ArgumentsOf } from '../shared/command.js'
import { asUsage, UsageError } from '../shared/errors.js'
import { jsonFromText, keyFromText } from '../shared/keys.js'
import { FILE, isStandardInput, waiting, waitOption } from '../shared/options.js'
import { withWritable } from '../shared/source.js'

export const options = (yargs: Argv) => waitOption(yargs)
  .positional('file', FILE)
  .positional('map', { type: 'string', demandOption: true, describe: 'What it is called there' })
  .positional('key', {
    type: 'string', demandOption: true,
    describe: 'Left out for a single value; a tuple is typed as JSON, bytes as base64',
  })
  .positional('value', { type: 'string', describe: 'JSON; "-" reads it from standard input' })
  .example('$0 set a.region cities NO/Oslo \'{"area":454}\'', 'A whole record')
  .example('$0 set a.region settings \'{"theme":"dark"}\'', 'A single value')

function standardInput(): string {
  const bytes = readFileSync(0)
  if (isUtf8(bytes)) return bytes.toString('utf8')
  throw new UsageError('the value is not UTF-8')
}

/** The last argument is the value: a single value has no key before it. */
function split({ kind, name }: NameSchema, key: string, value: string | undefined) {
  if (kind !== 'value' && value === undefined) throw new UsageError('a value is missing')
  if (kind === 'value' && value !== undefined) {
    throw new UsageError(`${name} is a single value and has no keys`)
  }
  const text = kind === 'value' ? key : value!
  const json = isStandardInput(text) ? standardInput() : text
  return { key: kind === 'value' ? undefined : key, value: jsonFromText(json, 'the value') }
}

export function run(args: ArgumentsOf<typeof options>): void {
  withWritable(args.file, waiting(args), (region) => {
    const map = JsonMap.open(region, args.map)
    const { key, value } = split(map.schema, args.key, args.value)
    region.transact(() => asUsage('not stored', () =>
      map.set(key === undefined ? undefined : keyFromText(key, map.schema.key!), value)))
  })
}
