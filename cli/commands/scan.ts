/** `rstore scan`: entries of a map, in the order of their keys. */
import type { Argv } from 'yargs'
import { JsonMap, type JsonRange, type ReadRegion } from '../../lib/index.js'
import { escapeText } from '../print/escape.js'
import { safeText } from '../print/json.js'
import { LineWriter, print } from '../print/output.js'
import { withProgress, type Progress } from '../print/progress.js'
import type { ArgumentsOf } from '../shared/command.js'
import { asUsage, UsageError } from '../shared/errors.js'
import { keyFromText, keyText } from '../shared/keys.js'
import { FILE, jsonOption } from '../shared/options.js'
import { withRegion } from '../shared/source.js'

export const options = (yargs: Argv) => jsonOption(yargs, 'A line {"key", "value"} for each')
  .positional('file', FILE)
  .positional('map', { type: 'string', demandOption: true, describe: 'What it is called there' })
  .option('gt', { type: 'string', requiresArg: true, describe: 'Keys greater than this' })
  .option('gte', { type: 'string', requiresArg: true, describe: 'Keys from this one on' })
  .option('lt', { type: 'string', requiresArg: true, describe: 'Keys less than this' })
  .option('lte', { type: 'string', requiresArg: true, describe: 'Keys up to this one' })
  .option('limit', { type: 'number', requiresArg: true, describe: 'So many at most' })
  .option('reverse', { type: 'boolean', default: false, describe: 'From the last key on' })
  .option('count', { type: 'boolean', default: false, describe: 'Only how many there are' })
  .example('$0 scan a.region cities --gte NO/ --lt NO0', 'Keys that begin with NO/')
  .example('$0 scan a.region cities --reverse --limit 5', 'The last five')
  .example('$0 scan a.region cities --json | jq .key', 'For programs')

type Arguments = ArgumentsOf<typeof options>
const ENDS = ['gt', 'gte', 'lt', 'lte'] as const

function rangeOf(map: JsonMap, args: Arguments): JsonRange {
  const range: JsonRange = { reverse: args.reverse }
  if (args.limit !== undefined) range.limit = args.limit
  for (const end of ENDS) {
    const text = args[end]
    if (text !== undefined) range[end] = keyFromText(text, map.schema.key!)
  }
  return range
}

/** Lines of `key  value`, the value as JSON; what is safe already is so twice. */
const plainLine = (key: unknown, value: string): string =>
  `${typeof key === 'number' ? key : escapeText(keyText(key))}  ${value}`

const jsonLine = (key: unknown, value: string): string =>
  `{"key":${JSON.stringify(key)},"value":${value}}`

const PROGRESS_ENTRIES = 4096

/** How many lines there will be; at most so many where only counting them would tell. */
function linesIn(map: JsonMap, range: JsonRange): number {
  return map.schema.kind === 'map' ? map.count(range)
    : Math.min(map.size, range.limit ?? Infinity)
}

function scan(region: ReadRegion, args: Arguments, progress: Progress): void {
  const map = JsonMap.open(region, args.map)
  if (map.schema.kind === 'value') {
    throw new UsageError(`${args.map} is a single value: use \`rstore get\``)
  }
  const range = asUsage('the range', () => rangeOf(map, args))
  if (args.count) {
    print(String(asUsage('the range', () => map.count(range, { onProgress: progress.onProgress }))))
    return
  }
  const entries = map.texts(range)
  const total = asUsage('the range', () => linesIn(map, range))
  const line = args.json ? jsonLine : plainLine
  const out = new LineWriter(safeText)
  let done = 0
  for (let next = asUsage('the range', () => entries.next()); next.done !== true;) {
    const [key, value] = next.value
    out.write(line(key, value))
    if (++done % PROGRESS_ENTRIES === 0) progress.update(done, total)
    next = entries.next()
  }
  out.flush()
}

export async function run(args: Arguments): Promise<void> {
  const [title, printsLines] = [args.count ? 'counting' : 'scanning', !args.count]
  await withProgress({ title, printsLines }, (progress) =>
    withRegion(args.file, (region) => scan(region, args, progress)))
}
