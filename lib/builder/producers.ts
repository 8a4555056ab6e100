/**
 * Native producers of numbers. They write without a bounds check and stop at a guard page, so what
 * they write into is always the end of a run:
 *
 *  - the builder's own chunk, when that is where it ends: runs of unbounded builders, and flush
 *    placement;
 *  - else a staging run, placed so that what the builder still accepts ends at the guard; from
 *    there it is copied while it is in the cache. So the element that does not fit is the same one
 *    for either placement.
 */
import { constants } from 'node:os'
import { errnoOf } from '../native/status.js'
import { checkOptionNames } from '../types/options.js'
import type { Chunk } from './chunk.js'
import { overflowError, parseError, readError } from './errors.js'
import {
  builderAddon, STOP, type NumberParser, type Produced, type ProducerSource,
} from './native.js'
import type { Run, RunSet } from './runs.js'

/** The builder, as producers see it. */
export interface Sink {
  readonly kind: string
  readonly stride: number
  /** −1 without one. */
  readonly capacity: number
  readonly runs: RunSet
  count(): number
  checkpoint(): void
  /** Counts elements that did not fit. */
  overflow(by: number): void
  /** Memory for the next elements, at most so many; none when the capacity is used up. */
  target(wanted: number): { chunk: Chunk; first: number; elements: number }
  /** Elements were written there. */
  skip(count: number): void
  append(run: Run, first: number, count: number): void
}

const KINDS = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'f64', 'u64', 'i64']
const STAGING_BYTES = 250_000
/** Bytes that one call reads at most. */
const READ_BYTES = 4 * 2 ** 20
const EFAULT = -constants.errno.EFAULT

/** A descriptor or bytes. Throws a TypeError. */
export function sourceOf(source: unknown, where: string): ProducerSource {
  if (source instanceof Uint8Array) return source
  if (typeof source === 'number' && Number.isInteger(source) && source >= 0) return source
  throw new TypeError(`${where}: expected a Uint8Array or a file descriptor`)
}

function delimiterCode(delimiter: unknown): number {
  if (typeof delimiter !== 'string' || !/^[\t\n -*,/:-@[-`{-~]$/.test(delimiter)) {
    throw new TypeError('parseNumbers(): the delimiter must be one ASCII character, and none of '
      + `those that numbers consist of; got ${JSON.stringify(delimiter)}`)
  }
  return delimiter.charCodeAt(0)
}

/** A run's stretch behind which there is a guard. */
interface Stretch { run: Run; first: number; staged: boolean }

export class Producers {
  private stagingRun: Run | undefined

  constructor(private readonly sink: Sink) {}

  private get staging(): Run {
    return this.stagingRun ??= this.sink.runs.take(STAGING_BYTES)
  }

  // ── parseNumbers ──

  parseNumbers(from: unknown, options: { delimiter?: string } = {}): number {
    checkOptionNames(options, 'parseNumbers', ['delimiter'])
    const { delimiter = ',' } = options
    this.sink.checkpoint()
    const source = sourceOf(from, 'parseNumbers()')
    const Parser = builderAddon().NumberParser
    const parser = new Parser(KINDS.indexOf(this.sink.kind), delimiterCode(delimiter))
    for (let total = 0; ; ) {
      const { run, first, staged } = this.stretch()
      const produced = parser.run(source, run.window.u8, first, run.guard)
      if (staged) this.sink.append(run, first, produced.count)
      else this.sink.skip(produced.count)
      total += produced.count
      if (produced.stop === STOP.end) return total
      if (produced.stop !== STOP.guard) throw this.parseFailure(parser, source, produced)
      if (this.isFull()) throw this.overflow(parser, source, produced)
    }
  }

  private isFull(): boolean {
    const { capacity } = this.sink
    return capacity >= 0 && this.sink.count() >= capacity
  }

  private stretch(): Stretch {
    const { sink } = this
    const { chunk, first, elements } = sink.target(1)
    const exact = sink.capacity < 0 || chunk.first + chunk.limit * sink.stride === chunk.run?.guard
    if (chunk.run !== null && exact) return { run: chunk.run, first, staged: false }
    const fit = Math.floor(this.staging.bytes / sink.stride)
    const left = sink.capacity < 0 ? fit : Math.max(0, sink.capacity - sink.count())
    const room = elements === 0 && sink.capacity < 0 ? fit : Math.min(fit, left)
    return { run: this.staging, first: this.staging.guard - room * sink.stride, staged: true }
  }

  private overflow(parser: NumberParser, source: ProducerSource, at: Produced): Error {
    const rest = parser.putBack(source)
    this.sink.overflow(1)
    const { line, column, offset } = at
    return overflowError(this.sink.capacity, this.sink.count(),
      { line, column, offset, ...(rest === null ? {} : { rest }) })
  }

  private parseFailure(
    parser: NumberParser, source: ProducerSource, at: Produced & { field?: Uint8Array },
  ): Error {
    if (at.stop === STOP.read) return readError(errnoOf(at.status), source as number)
    const rest = parser.putBack(source)
    const text = Buffer.from(at.field!.subarray(0, 40)).toString('latin1')
    return parseError(this.whatIsWrong(at.stop, text), at, {
      text, ...(rest === null ? {} : { rest }),
    })
  }

  private whatIsWrong(stop: number, text: string): string {
    const { kind } = this.sink
    switch (stop) {
      case STOP.empty: return `a field has no ${kind} in it`
      case STOP.outOfRange: return `${text} is out of range for ${kind}`
      default: return `${JSON.stringify(text)} is not a decimal number (${kind})`
    }
  }

  // ── readFrom ──

  readFrom(fd: number, maxBytes: number): number {
    this.sink.checkpoint()
    const { sink } = this
    if (!Number.isInteger(fd) || fd < 0) throw new TypeError('readFrom(): expected a descriptor')
    if (!Number.isInteger(maxBytes) || maxBytes < sink.stride) {
      throw new RangeError(`readFrom(): maxBytes is ${maxBytes}; an element has ${sink.stride}`)
    }
    const wanted = Math.floor(Math.min(maxBytes, READ_BYTES) / sink.stride)
    const { chunk, first, elements } = sink.target(wanted)
    if (elements === 0) return this.probe(fd)
    const bytes = Math.min(elements, wanted) * sink.stride
    const got = this.readElements(fd, chunk, first, bytes)
    sink.skip(got / sink.stride)
    if (got === bytes && elements < wanted && this.isFull()) this.probe(fd)
    return got
  }

  /** Whole elements: goes on where a read ends inside of one. */
  private readElements(fd: number, chunk: Chunk, first: number, bytes: number): number {
    const { stride } = this.sink
    const { u8 } = chunk.window
    const read = (at: number, count: number): number => {
      const result = builderAddon().readInto(fd, u8, first + at, count, true)
      if (result < 0) throw readError(-result, fd)
      return result
    }
    let got = read(0, bytes)
    while (got % stride !== 0) {
      const more = read(got, stride - (got % stride))
      if (more === 0) {
        u8.fill(0, first + got - (got % stride), first + got)
        this.sink.skip(Math.floor(got / stride))
        throw parseError(`the data ends within a ${this.sink.kind}`,
          { line: 1, column: got + 1, offset: got }, { missing: stride - (got % stride) })
      }
      got += more
    }
    return got
  }

  /** Reads where nothing can be written: 0 at the end of the data, EFAULT where there is more. */
  private probe(fd: number): number {
    const run = this.staging
    const got = builderAddon().readInto(fd, run.window.u8, run.guard, 1, false)
    if (got === 0) return 0
    if (got !== EFAULT) throw readError(-got, fd)
    this.sink.overflow(1)
    throw overflowError(this.sink.capacity, this.sink.count())
  }
}
