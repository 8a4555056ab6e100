/**
 * Builders of strings and bytes. While one is open, the bytes of all elements lie end to end in
 * chunks, and beside them one span for each element: its start in its chunk and its length.
 * `finish` makes the cells.
 */
import { errnoOf } from '../native/status.js'
import { byteIndexOf, wordIndexOf } from '../space/ref.js'
import type { Ref } from '../space/ref.js'
import { ELEMENTS_OFFSET } from '../types/array/array.js'
import { CONTENT_OFFSET } from '../types/boxes.js'
import { textBytes, writeText } from '../types/text.js'
import { FIRST_CHUNK_BYTES, MOST_CHUNK_BYTES, type Chunk } from './chunk.js'
import { overflowError, parseError, readError } from './errors.js'
import { arrayTypeOf, FixedBuilder } from './fixed.js'
import {
  builderAddon, STOP, type LineSplitter, type Produced, type ProducerSource,
} from './native.js'
import { sourceOf } from './producers.js'
import type { Run } from './runs.js'

export const SPAN_BYTES = 8
/** Up to here a loop is faster than a call into the engine. */
const SHORT_BYTES = 24

/** Bytes of elements, from element `firstIndex` on. */
interface TextChunk { run: Run; firstIndex: number; used: number }

export class TextBuilder extends FixedBuilder {
  private texts: TextChunk[] = []
  private readonly isText = this.element.kind === 'string'

  protected override slotBytes(): number {
    return SPAN_BYTES
  }
  /** Spans are not what is stored. */
  protected override openRoom(): null {
    return null
  }
  protected override attach(chunk: Chunk | null): void {
    if (chunk === null) this.texts = []
  }

  push(value: unknown): void {
    this.assertOpen()
    const prepared = this.element.prepare(value, 'push()', this.session)
    const index = this.index < this.limit ? this.index : this.more()
    const bytes = this.isText ? textBytes(prepared as string) : (prepared as Uint8Array).length
    if (this.capacity < 0 || index < this.capacity) this.write(index, prepared, bytes)
    this.index = index + 1
  }

  private write(index: number, value: unknown, bytes: number): void {
    const text = this.textChunk(bytes)
    const { u8 } = text.run.window
    const at = text.run.first + text.used
    if (this.isText) writeText(u8, at, value as string, bytes)
    else u8.set(value as Uint8Array, at)
    const chunk = this.chunk!
    const span = (chunk.first + index * SPAN_BYTES) >>> 2
    chunk.window.u32[span] = text.used
    chunk.window.u32[span + 1] = bytes
    text.used += bytes
  }

  /** The chunk that the next element's bytes go to. */
  private textChunk(bytes: number): TextChunk {
    const last = this.texts[this.texts.length - 1]
    if (last !== undefined && last.used + bytes <= last.run.bytes) return last
    return this.addTextChunk(bytes)
  }

  private addTextChunk(bytes: number): TextChunk {
    const last = this.texts[this.texts.length - 1]
    const longer = Math.max(FIRST_CHUNK_BYTES, 2 * (last?.run.bytes ?? 0))
    const wanted = Math.min(longer, MOST_CHUNK_BYTES)
    const run = this.runs.take(Math.max(bytes, wanted))
    const chunk = { run, firstIndex: this.before + this.index, used: 0 }
    this.texts.push(chunk)
    return chunk
  }

  pushMany(values: ArrayBufferView | ArrayLike<unknown>): void {
    this.assertOpen()
    if (!Array.isArray(values)) throw new TypeError('pushMany(): expected an array')
    for (const value of values) this.push(value)
  }

  readFrom(): number {
    return this.refuse('readFrom')
  }
  parseNumbers(): number {
    return this.refuse('parseNumbers')
  }
  private refuse(method: string): never {
    this.assertOpen()
    throw new TypeError(`${method}() makes numbers, this builder an array of ${this.element.kind}`)
  }

  // ── splitLines ──

  splitLines(from: Uint8Array | number): number {
    this.checkpoint()
    const source = sourceOf(from, 'splitLines()')
    const splitter = new (builderAddon().LineSplitter)(this.isText)
    let text = this.textChunk(1)
    for (let total = 0; ; ) {
      if (this.index >= this.limit) this.more()
      const chunk = this.chunk!
      const produced = splitter.run(source,
        text.run.window.u8, text.run.first, text.used, text.run.bytes,
        chunk.window.u8, chunk.first + this.index * SPAN_BYTES, chunk.run!.guard)
      text.used = produced.used
      this.index += produced.count
      total += produced.count
      if (produced.stop === STOP.end) return total
      if (produced.stop === STOP.full) text = this.addTextChunk(2 * produced.carried + 1)
      else if (produced.stop !== STOP.guard) throw this.lineFailure(splitter, source, produced)
      else if (this.capacity >= 0 && this.index >= this.capacity) {
        throw this.lineOverflow(splitter, source, produced)
      }
    }
  }

  private lineOverflow(splitter: LineSplitter, source: ProducerSource, at: Produced): Error {
    const rest = splitter.putBack(source)
    this.index++
    const { line, column, offset } = at
    return overflowError(this.capacity, this.index,
      { line, column, offset, ...(rest === null ? {} : { rest }) })
  }

  private lineFailure(splitter: LineSplitter, source: ProducerSource, at: Produced): Error {
    if (at.stop === STOP.read) return readError(errnoOf(at.status), source as number)
    const rest = splitter.putBack(source)
    return parseError('the line is not UTF-8; t.bytes would hold it', at,
      rest === null ? {} : { rest })
  }

  // ── the end ──

  /** All or nothing: cells that were made are undone when there is no room for all. */
  protected override place(): Ref {
    const { session } = this
    const count = this.before + this.index
    return session.atomically(() => {
      const refs = this.createCells(count)
      const typeId = session.registry.idOf(arrayTypeOf(this.element))
      const ref = session.space.allocate(ELEMENTS_OFFSET - 8 + count * 4, typeId)
      const at = wordIndexOf(ref)
      const { u32 } = session.space.windowOf(ref)
      u32[at + 2] = count
      u32.set(refs, at + ELEMENTS_OFFSET / 4)
      return ref
    })
  }

  private createCells(count: number): Uint32Array {
    const refs = new Uint32Array(count)
    let done = 0
    let text = 0
    this.eachChunk(({ window: { u32 }, first }, elements) => {
      for (let i = 0, span = first >>> 2; i < elements; i++, span += 2) {
        while ((this.texts[text + 1]?.firstIndex ?? count) <= done) text++
        const bytes = u32[span + 1]!
        if (bytes !== 0) refs[done] = this.createCell(this.texts[text]!.run, u32[span]!, bytes)
        done++
      }
    })
    return refs
  }

  /** An empty element needs no cell: 0. */
  private createCell({ window: from, first }: Run, start: number, bytes: number): Ref {
    const { space } = this.session
    const ref = space.allocate(bytes + CONTENT_OFFSET - 8, this.element.fixedTypeId)
    const { u8, u32 } = space.windowOf(ref)
    const at = byteIndexOf(ref)
    u32[(at >>> 2) + 2] = bytes
    if (bytes <= SHORT_BYTES) {
      for (let i = 0; i < bytes; i++) u8[at + CONTENT_OFFSET + i] = from.u8[first + start + i]!
    } else {
      u8.set(from.u8.subarray(first + start, first + start + bytes), at + CONTENT_OFFSET)
    }
    this.noteCopied(bytes)
    return ref
  }
}
