/** Every command: how it is called, and the file it is in. */
import type { Listing } from '../shared/command.js'

export const COMMANDS: readonly Listing[] = [
  {
    command: 'inspect <path>',
    describe: 'Show what is in a region or store: maps, types, space, pages, log, readers',
    load: () => import('./inspect.js'),
  },
  {
    command: 'names <file>',
    describe: 'List maps and values with their types, or the regions of a store',
    load: () => import('./names.js'),
  },
  {
    command: 'get <file> <map> [key]',
    describe: 'Print one value',
    load: () => import('./get.js'),
  },
  {
    command: 'set <file> <map> <key> [value]',
    describe: 'Put one value',
    load: () => import('./set.js'),
  },
  {
    command: 'delete <file> <map> [key]',
    describe: 'Take out a key',
    load: () => import('./delete.js'),
  },
  {
    command: 'scan <file> <map>',
    describe: 'Print entries in the order of their keys',
    load: () => import('./scan.js'),
  },
  {
    command: 'dump <file>',
    describe: 'Print everything, as JSON Lines or CSV',
    load: () => import('./dump.js'),
  },
  {
    command: 'load <file> [input]',
    describe: 'Load JSON Lines or CSV into a map, or a whole dump',
    load: () => import('./load.js'),
  },
  {
    command: 'drop-map <file> <map>',
    describe: 'Drop a map, multimap or value',
    load: () => import('./drop-map.js'),
  },
  {
    command: 'rename-map <file> <map> <name>',
    describe: 'Give a map, multimap or value another name',
    load: () => import('./rename-map.js'),
  },
  {
    command: 'pack <file> <out>',
    describe: 'Make a packed region, which nobody can write to, of a live one',
    load: () => import('./pack.js'),
  },
  {
    command: 'thaw <file> <out>',
    describe: 'Make a live region of a packed one',
    load: () => import('./thaw.js'),
  },
  {
    command: 'vector <file>',
    describe: 'Show a shared vector, or follow what is pushed to it',
    load: () => import('./vector.js'),
  },
  {
    command: 'upgrade <file>',
    describe: 'Bring a file of an older format version up to date',
    load: () => import('./upgrade.js'),
  },
  {
    command: 'verify <file>',
    describe: 'Check a region or a store: structure, checksums, every record',
    load: () => import('./verify.js'),
  },
  {
    command: 'repair <file> <out>',
    describe: 'Save what can be saved of a damaged region into a new one',
    load: () => import('./repair.js'),
  },
  {
    command: 'compact <file>',
    describe: 'Give back what is not used: the live data, densely, into a new file',
    load: () => import('./compact.js'),
  },
  {
    command: 'checkpoint <file>',
    describe: 'Bring what is committed from the log into the file',
    load: () => import('./checkpoint.js'),
  },
  {
    command: 'backup <file> <out>',
    describe: 'Copy the last commit into one file, while others write',
    load: () => import('./backup.js'),
  },
  {
    command: 'stat <file>',
    describe: 'Show sizes, commits, log and readers; --watch goes on',
    load: () => import('./stat.js'),
  },
]
