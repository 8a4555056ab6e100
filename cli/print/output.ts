/** What commands print: lines for people, or JSON. */
import { writeSync } from 'node:fs'
import { safeText } from './json.js'

/** Numbers of 64 bits as numbers where that is exact, else as strings. */
const plain = (_: string, value: unknown): unknown => {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

/** With nothing that a terminal might obey. */
export const toJson = (value: unknown): string => safeText(JSON.stringify(value, plain, 2))

/** The reader of our output went away (`| head`): the command ends, quietly. */
export class BrokenPipe extends Error {}

/** Waiting for the reader of a pipe that is full. */
const PIPE_WAIT_MS = 0.2
const never = new Int32Array(new SharedArrayBuffer(4))

/**
 * Writes all of it, and returns when it is out: so what follows it has a reader, memory stays as it
 * is, and a reader that went away is told by an exception at the place that writes. (Node makes
 * pipes non-blocking, so a full one is waited for.)
 */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') throw new BrokenPipe()
      if (code !== 'EAGAIN') throw error
      Atomics.wait(never, 0, 0, PIPE_WAIT_MS)
    }
  }
}

/** Lines on standard output. Throws BrokenPipe. */
export const print = (text: string): void => writeAll(1, Buffer.from(`${text}\n`))

/** Lines on standard error; that nobody can read them is no reason to end, or to end otherwise. */
export function printError(text: string): void {
  try {
    writeAll(2, Buffer.from(`${text}\n`))
  } catch {
    // there is nowhere to tell it
  }
}

const PIECE_CHARS = 1 << 16
/** UTF-8 of a character of a JavaScript string. */
const MOST_BYTES_OF_CHAR = 3

const asItIs = (text: string): string => text

/** Many lines on standard output, written in large pieces. */
export class LineWriter {
  private piece = ''
  /** Used again and again: a buffer for each piece is work for the garbage collector. */
  private readonly bytes = Buffer.allocUnsafeSlow(2 * MOST_BYTES_OF_CHAR * PIECE_CHARS)

  /** `change` is applied to pieces: once to a thousand lines. */
  constructor(private readonly change: (text: string) => string = asItIs) {}

  /** Throws BrokenPipe. */
  write(line: string): void {
    this.piece += line + '\n'
    if (this.piece.length >= PIECE_CHARS) this.flush()
  }

  /** To be called at the end. Throws BrokenPipe. */
  flush(): void {
    const piece = this.change(this.piece)
    this.piece = ''
    const fits = piece.length * MOST_BYTES_OF_CHAR <= this.bytes.length
    writeAll(1, fits ? this.bytes.subarray(0, this.bytes.write(piece)) : Buffer.from(piece))
  }
}
