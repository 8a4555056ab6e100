/** `rstore inspect FILE`: what is in a region, without opening it as one. Never writes. */
import type { Argv } from 'yargs'
import { inspectionText } from '../print/inspection.js'
import { print, toJson } from '../print/output.js'
import { inspectRegion } from '../read/inspection.js'
import { readRegion } from '../read/region.js'
import type { ArgumentsOf } from '../shared/command.js'
import { EXIT } from '../shared/exitCodes.js'

export const options = (yargs: Argv) => yargs
  .positional('file', { type: 'string', demandOption: true, describe: 'A region file' })
  .option('json', { type: 'boolean', default: false, describe: 'One JSON document' })
  .example('$0 inspect cities.region', 'Tables for people')
  .example('$0 inspect cities.region --json', 'The same for programs')

export function run({ file, json }: ArgumentsOf<typeof options>): void {
  const inspection = readRegion(file, inspectRegion)
  print(json ? toJson(inspection) : inspectionText(inspection))
  if (inspection.problemCount > 0) process.exitCode = EXIT.damage
}
