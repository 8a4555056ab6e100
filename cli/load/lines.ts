/** Lines out of chunks of bytes. */
import { isUtf8 } from 'node:buffer'

const NEWLINE = 10

/**
 * Gets some lines, without the newline of the last, and the number of the first, from 1 on; gives
 * how many they are.
 */
export type TakeLines = (text: string, first: number) => number
/** Gets the number of a line that is not UTF-8. */
export type RefuseLine = (number: number) => void

/** About so many characters of lines are given together. */
const TOGETHER_CHARS = 1 << 16

export class LineSplitter {
  private rest: Buffer = Buffer.alloc(0)
  private count = 0

  constructor(
    private readonly take: TakeLines, private readonly refuse: RefuseLine,
  ) {}

  push(chunk: Buffer): void {
    const end = chunk.lastIndexOf(NEWLINE) + 1
    if (end === 0) {
      this.rest = Buffer.concat([this.rest, chunk])
      return
    }
    let from = 0
    if (this.rest.length > 0) {
      from = chunk.indexOf(NEWLINE) + 1
      this.split(Buffer.concat([this.rest, chunk.subarray(0, from)]))
    }
    this.split(chunk.subarray(from, end))
    this.rest = Buffer.from(chunk.subarray(end))
  }

  /** The last line needs no newline. */
  end(): void {
    const { rest } = this
    this.rest = Buffer.alloc(0)
    if (rest.length > 0) this.split(Buffer.concat([rest, Buffer.of(NEWLINE)]))
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
      else this.refuse(++this.count)
    }
  }
}
