/** `rstore dump`: everything in a region, or some of it, as JSON Lines or CSV. */
import type { Argv } from 'yargs'
import { exportText, schemaOf, schemasOf, type ReadRegion } from '../../lib/index.js'
import { csvLines } from '../csv/write.js'
import { escapeText } from '../print/escape.js'
import { safeText } from '../print/json.js'
import { LineWriter, printError } from '../print/output.js'
import { withProgress, type Progress } from '../print/progress.js'
import { unveiled } from '../shared/arguments.js'
import type { ArgumentsOf } from '../shared/command.js'
import { UsageError } from '../shared/errors.js'
import { FILE } from '../shared/options.js'
import { withRegion } from '../shared/source.js'

export const options = (yargs: Argv) => yargs
  .positional('file', FILE)
  .option('map', {
    type: 'string', array: true, nargs: 1, coerce: (names: string[]) => new Set(names),
    describe: 'Only what is called so; may be given several times',
  })
  .option('format', {
    choices: ['jsonl', 'csv'] as const, default: 'jsonl' as const, requiresArg: true,
    describe: 'JSON Lines have everything; CSV has one map, without nested types',
  })
  .example('$0 dump cities.region > cities.jsonl', 'Everything: `rstore load` makes it again')
  .example('$0 dump a.region --map cities --format csv', 'One map, for a spreadsheet')

/** A terminal gets nothing that it might obey; a file or a pipe has the text as it is. */
const isTerminal = process.stdout.isTTY === true

function warnOfFunctions(region: ReadRegion, names: readonly string[]): void {
  for (const name of names) {
    for (const { name: index, by } of schemaOf(region, name).indexes ?? []) {
      if (by !== null) continue
      printError(`rstore: index ${JSON.stringify(index)} of ${JSON.stringify(name)} is by a `
        + 'function: the program has to declare it again')
    }
  }
}

function dump(
  region: ReadRegion, names: readonly string[] | undefined, { onProgress }: Progress,
): void {
  const out = new LineWriter(isTerminal ? safeText : undefined)
  const options = names === undefined ? { onProgress } : { names, onProgress }
  for (const line of exportText(region, options)) out.write(line)
  out.flush()
  warnOfFunctions(region, names ?? schemasOf(region).map(({ name }) => name))
}

function dumpCsv(
  region: ReadRegion, names: readonly string[] | undefined, progress: Progress,
): void {
  const [name, ...more] = names ?? []
  if (name === undefined || more.length > 0) {
    throw new UsageError('CSV has one map: say which with --map')
  }
  const out = new LineWriter()
  for (const line of csvLines(region, name, progress.onProgress)) {
    out.write(isTerminal ? escapeText(line) : line)
  }
  out.flush()
}

export async function run({ file, map, format }: ArgumentsOf<typeof options>): Promise<void> {
  const names = map && [...map].map(unveiled)
  const print = format === 'csv' ? dumpCsv : dump
  await withProgress({ title: 'dumping', printsLines: true }, (progress) =>
    withRegion(file, (region) => print(region, names, progress)))
}
