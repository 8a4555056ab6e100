/** The whole data in one file that every process parses into a `Map`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Driver, OpenOptions, TableMethod } from '../driver.js'
import type { User } from '../record.js'
import { MapTable, mapOf } from './map.js'

type Entries = [number | string, User][]

interface Format {
  name: string
  settings: string
  load(): Promise<unknown>
  version(): string
  encode(entries: Entries): Uint8Array | string
  decode(bytes: Buffer): Entries
}

/** Reading only: to change one record is to write the file anew. */
const METHODS: TableMethod[] = ['readWhole', 'readField', 'scanField', 'scanWhole']

export function driverOf(format: Format): Driver {
  const fileIn = (directory: string): string => join(directory, `users.${format.name}`)
  return {
    kind: 'file',
    name: format.name,
    settings: format.settings,
    methods: METHODS,
    load: format.load,
    version: format.version,
    open: async (directory: string) =>
      new MapTable(new Map(format.decode(readFileSync(fileIn(directory))))),
    async prepare(directory: string, options: OpenOptions) {
      writeFileSync(fileIn(directory), format.encode([...mapOf(options)]))
    },
  }
}
