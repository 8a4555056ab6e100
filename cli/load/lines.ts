/** Lines out of chunks of bytes. */
import { isUtf8 } from 'node:buffer'

const NEWLINE = 10

/** Gets a line and its number, from 1 on; undefined for one that is not UTF-8. */
export type TakeLine = (line: string | undefined, number: number) => void

export class LineSplitter {
  private rest: Buffer = Buffer.alloc(0)
  private count = 0

  constructor(private readonly take: TakeLine) {}

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
    for (let from = 0, to: number; (to = text.indexOf('\n', from)) >= 0; from = to + 1) {
      this.take(text.slice(from, to), ++this.count)
    }
  }

  private splitDamaged(bytes: Buffer): void {
    for (let from = 0, to: number; (to = bytes.indexOf(NEWLINE, from)) >= 0; from = to + 1) {
      const line = bytes.subarray(from, to)
      this.take(isUtf8(line) ? line.toString('utf8') : undefined, ++this.count)
    }
  }
}
