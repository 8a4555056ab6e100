/** Every command: how it is called, and the file it is in. */
import type { Listing } from '../shared/command.js'

export const COMMANDS: readonly Listing[] = [
  {
    command: 'inspect <file>',
    describe: 'Show what is in a region: maps, types, space, log, checkpoints',
    load: () => import('./inspect.js'),
  },
]
