/** A closed region file as bytes: to damage it on purpose, and to see that nothing was changed. */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { C, crc32c, type Field } from '../../formats/index.js'

/** Contents of the region, its log and its lock file. */
export function fingerprint(path: string): Record<string, string> {
  const names = [path, `${path}-wal`, `${path}-lock`].filter((name) => existsSync(name))
  return Object.fromEntries(
    names.map((name) => [name, createHash('sha256').update(readFileSync(name)).digest('hex')]),
  )
}

export function readBytes(path: string, at: number, length: number): Buffer {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(length)
    readSync(fd, bytes, 0, length, at)
    return bytes
  } finally {
    closeSync(fd)
  }
}

export function writeBytes(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+')
  try {
    writeSync(fd, bytes, 0, bytes.length, at)
  } finally {
    closeSync(fd)
  }
}

/** A layout that ends with a checksum of all before it. */
interface Checked {
  readonly bytes: number
  readonly fields: { readonly checksum: Field }
}

/** Changes a checksummed layout in the file and makes its checksum right again. */
export function patch(
  path: string,
  at: number,
  layout: Checked,
  change: (bytes: Buffer) => void,
): void {
  const bytes = readBytes(path, at, layout.bytes)
  change(bytes)
  const { offset } = layout.fields.checksum
  bytes.writeUInt32LE(crc32c(0, bytes.subarray(0, offset)), offset)
  writeBytes(path, at, bytes)
}

export const slotOffsets = [
  C.FIRST_SLOT_PAGE * C.PAGE_BYTES,
  (C.FIRST_SLOT_PAGE + 1) * C.PAGE_BYTES,
]
