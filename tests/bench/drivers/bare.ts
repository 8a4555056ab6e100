/**
 * No store at all: what `pwrite` and `fdatasync` of a commit's bytes cost on the same disk. The
 * file was written before, and is reused as a ring, as a good log is.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { methodsOf, type Driver, type OpenOptions, type Table } from '../driver.js'
import type { Picks } from '../record.js'

/** About what a commit of one changed record appends to rstore's log. */
const COMMIT_BYTES = 512
const FILE_BYTES = 1 << 24

class BareTable implements Table {
  readonly #file: number
  readonly #durable: boolean

  constructor(file: number, durable: boolean) {
    this.#file = file
    this.#durable = durable
  }

  single({ indices }: Picks): void {
    const bytes = new Uint8Array(COMMIT_BYTES)
    for (let at = 0; at < indices.length; at++) {
      bytes.fill(at)
      writeSync(this.#file, bytes, 0, COMMIT_BYTES, at * COMMIT_BYTES % FILE_BYTES)
      if (this.#durable) fdatasyncSync(this.#file)
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}

export const driver: Driver = {
  kind: 'memory',
  name: 'pwrite',
  settings: `pwrite of ${COMMIT_BYTES} bytes into a prewritten file; durable: and fdatasync`,
  methods: methodsOf(BareTable),
  load: async () => undefined,
  version: () => process.version,
  async open(directory: string, { durability }: OpenOptions) {
    const file = openSync(join(directory, 'log'), 'w+')
    writeSync(file, new Uint8Array(FILE_BYTES), 0, FILE_BYTES, 0)
    fsyncSync(file)
    return new BareTable(file, durability === 'sync')
  },
  prepare: async () => undefined,
}
