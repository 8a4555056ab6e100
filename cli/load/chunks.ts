/**
 * Input in pieces of bounded size. Synchronously for what happens in one transaction, which cannot
 * wait; else asynchronously, so that Ctrl-C is heard while nothing comes.
 */
import { read, readSync } from 'node:fs'
import { promisify } from 'node:util'

const CHUNK_BYTES = 4 << 20
const readLater = promisify(read)
const allocate = (): Buffer => Buffer.allocUnsafeSlow(CHUNK_BYTES)

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
  const buffer = allocate()
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

/** Fills a buffer as far as there is input. */
async function fill(fd: number, buffer: Buffer): Promise<Buffer> {
  let length = 0
  for (let got = -1; got !== 0 && length < buffer.length; length += got) {
    got = await readSome(fd, buffer, length)
  }
  return buffer.subarray(0, length)
}

/** As `chunksNow`; while one is used the next one is being read. */
export async function* chunksLater(fd: number): AsyncIterableIterator<Buffer> {
  let [current, other] = [allocate(), allocate()]
  for (let reading = fill(fd, current);;) {
    const chunk = await reading
    if (chunk.length === 0) return
    reading = fill(fd, other)
    reading.catch(() => {}) // told when it is waited for
    const used = current
    current = other
    other = used
    yield chunk
  }
}
