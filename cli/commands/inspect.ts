/** `rstore inspect FILE`: what is in a region, without opening it as one. Never writes. */
import type { CommandModule } from 'yargs'
import { EXIT } from '../exitCodes.js'
import { inspectionText } from '../print/inspection.js'
import { print, toJson } from '../print/output.js'
import { inspectRegion } from '../read/inspection.js'
import { readRegion } from '../read/region.js'

interface Arguments { file: string; json: boolean }

export const inspectCommand: CommandModule<object, Arguments> = {
  command: 'inspect <file>',
  describe: 'Show what is in a region: maps, types, space, log, checkpoints',
  builder: (yargs) => yargs
    .positional('file', { type: 'string', demandOption: true, describe: 'A region file' })
    .option('json', { type: 'boolean', default: false, describe: 'One JSON document' })
    .example('$0 inspect cities.region', 'Tables for people')
    .example('$0 inspect cities.region --json', 'The same for programs'),
  handler: ({ file, json }) => {
    const inspection = readRegion(file, inspectRegion)
    print(json ? toJson(inspection) : inspectionText(inspection))
    if (inspection.problemCount > 0) process.exitCode = EXIT.damage
  },
}
