/**
 * Builders of numbers: one class for each kind, so that each push stores into one kind of typed
 * array.
 */
import type { Window } from '../space/window.js'
import type { Session } from '../types/context.js'
import type { AnyType } from '../types/type.js'
import type { Chunk } from './chunk.js'
import { FixedBuilder } from './fixed.js'
import type { Plan } from './plan.js'
import { Producers } from './producers.js'

type Numbers =
  | Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array
  | Float32Array | Float64Array | BigUint64Array | BigInt64Array
type NumbersClass = new (buffer: ArrayBuffer, first: number, length: number) => Numbers

export abstract class NumberBuilder extends FixedBuilder {
  /** The current chunk, exactly as long as what may be pushed into it. */
  protected abstract elements: Numbers
  protected abstract readonly typed: NumbersClass
  /** What is pushed into once the builder is consumed: nothing. */
  protected abstract readonly nothing: Numbers
  private producers: Producers | undefined

  protected override attach(chunk: Chunk | null): void {
    this.elements = chunk === null
      ? this.nothing : this.over(chunk.window, chunk.first, chunk.limit)
  }

  private over({ u8 }: Window, first: number, count: number): Numbers {
    return new this.typed(u8.buffer as ArrayBuffer, u8.byteOffset + first, count)
  }

  protected refuse(value: unknown): never {
    this.assertOpen()
    this.element.prepare(value, 'push()', this.session)
    throw new TypeError(`push(): ${String(value)} is not a ${this.element.kind}`)
  }

  pushMany(values: ArrayBufferView | ArrayLike<unknown>): void {
    this.assertOpen()
    if (values instanceof this.typed) return this.append(values)
    const list = values as ArrayLike<unknown>
    if (typeof list !== 'object' || list === null || typeof list.length !== 'number') {
      throw new TypeError('pushMany(): expected a typed array or an array')
    }
    for (let i = 0; i < list.length; i++) this.push(list[i])
  }

  /** B1: what is beyond the capacity is counted, not stored. */
  append(values: Numbers): void {
    for (let from = 0; from < values.length; ) {
      const index = this.index < this.limit ? this.index : this.more(values.length - from)
      const count = Math.min(values.length - from, this.limit - index)
      const stored = Math.min(count, this.elements.length - index)
      if (stored > 0) this.elements.set(values.subarray(from, from + stored) as never, index)
      this.index = index + count
      from += count
    }
  }

  // ── producers ──

  private get native(): Producers {
    return this.producers ??= new Producers({
      kind: this.element.kind,
      stride: this.stride,
      capacity: this.capacity,
      runs: this.runs,
      count: () => this.count,
      checkpoint: () => this.checkpoint(),
      overflow: (by) => { this.index += by },
      target: (wanted) => this.target(wanted),
      skip: (count) => { this.index += count },
      append: (run, first, count) => this.append(this.over(run.window, first, count)),
    })
  }

  /**
   * Where elements may be written at once, at most `wanted`: with a capacity none when it is used
   * up.
   */
  private target(wanted: number): { chunk: Chunk; first: number; elements: number } {
    if (this.index >= this.limit && !(this.capacity >= 0 && this.index >= this.capacity)) {
      this.more(wanted)
    }
    const chunk = this.chunk!
    const elements = Math.min(wanted, chunk.limit - this.index, this.limit - this.index)
    return { chunk, first: chunk.first + this.index * this.stride, elements }
  }

  readFrom(fd: number, maxBytes: number): number {
    return this.native.readFrom(fd, maxBytes)
  }

  parseNumbers(source: Uint8Array | number, options?: { delimiter?: string }): number {
    return this.native.parseNumbers(source, options)
  }

  splitLines(): number {
    this.assertOpen()
    throw new TypeError('splitLines() makes strings or bytes, this builder an array of '
      + this.element.kind)
  }
}

const NOTHING = {
  Uint8Array: new Uint8Array(0),
  Int8Array: new Int8Array(0),
  Uint16Array: new Uint16Array(0),
  Int16Array: new Int16Array(0),
  Uint32Array: new Uint32Array(0),
  Int32Array: new Int32Array(0),
  Float32Array: new Float32Array(0),
  Float64Array: new Float64Array(0),
  BigUint64Array: new BigUint64Array(0),
  BigInt64Array: new BigInt64Array(0),
} as const

class U8Builder extends NumberBuilder {
  declare elements: Uint8Array
  get typed() { return Uint8Array }
  get nothing() { return NOTHING.Uint8Array }

  push(value: number): void {
    if ((value & 0xff) !== value) this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

class I8Builder extends NumberBuilder {
  declare elements: Int8Array
  get typed() { return Int8Array }
  get nothing() { return NOTHING.Int8Array }

  push(value: number): void {
    if (value << 24 >> 24 !== value) this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

class U16Builder extends NumberBuilder {
  declare elements: Uint16Array
  get typed() { return Uint16Array }
  get nothing() { return NOTHING.Uint16Array }

  push(value: number): void {
    if ((value & 0xffff) !== value) this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

class I16Builder extends NumberBuilder {
  declare elements: Int16Array
  get typed() { return Int16Array }
  get nothing() { return NOTHING.Int16Array }

  push(value: number): void {
    if (value << 16 >> 16 !== value) this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

class U32Builder extends NumberBuilder {
  declare elements: Uint32Array
  get typed() { return Uint32Array }
  get nothing() { return NOTHING.Uint32Array }

  push(value: number): void {
    if (value >>> 0 !== value) this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

class I32Builder extends NumberBuilder {
  declare elements: Int32Array
  get typed() { return Int32Array }
  get nothing() { return NOTHING.Int32Array }

  push(value: number): void {
    if ((value | 0) !== value) this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

class F32Builder extends NumberBuilder {
  declare elements: Float32Array
  get typed() { return Float32Array }
  get nothing() { return NOTHING.Float32Array }

  push(value: number): void {
    if (typeof value !== 'number') this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

class F64Builder extends NumberBuilder {
  declare elements: Float64Array
  get typed() { return Float64Array }
  get nothing() { return NOTHING.Float64Array }

  push(value: number): void {
    if (typeof value !== 'number') this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

class U64Builder extends NumberBuilder {
  declare elements: BigUint64Array
  get typed() { return BigUint64Array }
  get nothing() { return NOTHING.BigUint64Array }

  push(value: bigint): void {
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

class I64Builder extends NumberBuilder {
  declare elements: BigInt64Array
  get typed() { return BigInt64Array }
  get nothing() { return NOTHING.BigInt64Array }

  push(value: bigint): void {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) this.refuse(value)
    const index = this.index < this.limit ? this.index : this.more()
    this.elements[index] = value
    this.index = index + 1
  }
}

type Class = new (session: Session, element: AnyType, plan: Plan) => NumberBuilder

export const numberBuilders: Readonly<Record<string, Class>> = {
  u8: U8Builder, i8: I8Builder, u16: U16Builder, i16: I16Builder, u32: U32Builder,
  i32: I32Builder, f32: F32Builder, f64: F64Builder, u64: U64Builder, i64: I64Builder,
}
