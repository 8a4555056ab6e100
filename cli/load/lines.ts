/** Lines out of chunks of bytes. */
import { isUtf8 } from 'node:buffer'

const NEWLINE = 10

/**
 * Gets some lines, without the newline of the last, and the number of the first, from 1 on; gives
 * how many they are.
 */
export type TakeLines = (text: string, first: number) => number
/** Gets the number of a line that cannot be text. */
export type RefuseLine = (number: number, reason: string) => void

/** About so many characters of lines are given together. */
const TOGETHER_CHARS = 1 << 16

/** A string can hold about twice as much. */
const MOST_LINE_BYTES = 256 << 20

export class LineSplitter {
  /** Of a line that is not complete: its pieces, unless it is too long, and its length. */
  private rest: Buffer[] = []
  private restBytes = 0
  private count = 0

  constructor(
    private readonly take: TakeLines, private readonly refuse: RefuseLine,
    private readonly mostLineBytes = MOST_LINE_BYTES,
  ) {}

  push(chunk: Buffer): void {
    const end = chunk.lastIndexOf(NEWLINE) + 1
    if (end === 0) return this.keep(chunk)
    let from = 0
    if (this.restBytes > 0) {
      from = chunk.indexOf(NEWLINE) + 1
      this.complete(chunk.subarray(0, from))
    }
    this.split(chunk.subarray(from, end))
    this.keep(chunk.subarray(end))
  }

  /** The last line needs no newline. */
  end(): void {
    if (this.restBytes > 0) this.complete(Buffer.of(NEWLINE))
  }

  /** The chunk is somebody else's. */
  private keep(piece: Buffer): void {
    this.restBytes += piece.length
    if (this.restBytes > this.mostLineBytes) this.rest = []
    else this.rest.push(Buffer.from(piece))
  }

  private complete(piece: Buffer): void {
    this.keep(piece)
    const { rest, restBytes, mostLineBytes } = this
    this.rest = []
    this.restBytes = 0
    if (restBytes <= mostLineBytes) this.split(Buffer.concat(rest, restBytes))
    else this.refuse(++this.count, `it is longer than ${mostLineBytes} bytes`)
  }

  private split(bytes: Buffer): void {
    if (!isUtf8(bytes)) return this.splitDamaged(bytes)
    const text = bytes.toString('utf8')
    for (let from = 0, to: number; from < text.length; from = to + 1) {
      to = text.indexOf('\n', from + TOGETHER_CHARS)
      if (to < 0) to = text.length - 1
      this.count += this.take(text.slice(from, to), this.count + 1)
    }
  }

  private splitDamaged(bytes: Buffer): void {
    for (let from = 0, to: number; (to = bytes.indexOf(NEWLINE, from)) >= 0; from = to + 1) {
      const line = bytes.subarray(from, to)
      if (isUtf8(line)) this.take(line.toString('utf8'), ++this.count)
      else this.refuse(++this.count, 'it is not UTF-8')
    }
  }
}
