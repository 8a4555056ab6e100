/** Every command: how it is called, and the file it is in. */
import type { Listing } from '../shared/command.js'

export const COMMANDS: readonly Listing[] = [
  {
    command: 'inspect <path>',
    describe: 'Show what is in a region or store: maps, types, space, pages, log, readers',
    load: () => import('./inspect.js'),
  },
]
