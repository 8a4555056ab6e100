/**
 * Input in pieces of bounded size. Synchronously for what happens in one transaction, which cannot
 * wait; else asynchronously, so that Ctrl-C is heard while nothing comes.
 */
import { read, readSync } from 'node:fs'
import { promisify } from 'node:util'

const CHUNK_BYTES = 4 << 20
const readLater = promisify(read)

const WAIT_MS = 1
const never = new Int32Array(new SharedArrayBuffer(4))

/** Bytes read; 0 at the end. */
function readNow(fd: number, into: Buffer, at: number): number {
  for (;;) {
    try {
      return readSync(fd, into, at, into.length - at, null)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(never, 0, 0, WAIT_MS)
    }
  }
}

/** A chunk is good until the next one is asked for. */
export function* chunksNow(fd: number): IterableIterator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (let got = -1; got !== 0;) {
    let length = 0
    do {
      got = readNow(fd, buffer, length)
      length += got
    } while (got !== 0 && length < buffer.length)
    if (length > 0) yield buffer.subarray(0, length)
  }
}

async function readSome(fd: number, into: Buffer, at: number): Promise<number> {
  for (;;) {
    try {
      return (await readLater(fd, into, at, into.length - at, null)).bytesRead
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
    }
  }
}

/** As `chunksNow`. */
export async function* chunksLater(fd: number): AsyncIterableIterator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (let got = -1; got !== 0;) {
    let length = 0
    do {
      got = await readSome(fd, buffer, length)
      length += got
    } while (got !== 0 && length < buffer.length)
    if (length > 0) yield buffer.subarray(0, length)
  }
}
