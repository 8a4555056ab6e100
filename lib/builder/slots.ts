/**
 * Builders of whatever else has a fixed width and owns nothing: structs of scalars, bool, date,
 * enum, tuples, refs.
 */
import type { Chunk } from './chunk.js'
import { FixedBuilder } from './fixed.js'

export class SlotBuilder extends FixedBuilder {
  protected override attach(): void {}

  push(value: unknown): void {
    this.assertOpen()
    const prepared = this.element.prepare(value, 'push()', this.session)
    const index = this.index < this.limit ? this.index : this.more()
    this.index = index + 1
    const chunk = this.chunk!
    if (index < chunk.limit) this.write(chunk, index, prepared)
  }

  /** A slot is zero before it is written: padding and absent fields stay so. */
  private write(chunk: Chunk, index: number, prepared: unknown): void {
    const at = chunk.first + index * this.stride
    if (chunk.run !== null) chunk.window.u8.fill(0, at, at + this.stride)
    this.element.writeSlot(this.session, chunk.window, at, prepared)
  }

  pushMany(values: ArrayBufferView | ArrayLike<unknown>): void {
    this.assertOpen()
    const list = values as ArrayLike<unknown>
    if (typeof list !== 'object' || list === null || typeof list.length !== 'number') {
      throw new TypeError('pushMany(): expected an array')
    }
    for (let i = 0; i < list.length; i++) this.push(list[i])
  }

  readFrom(): number {
    return this.refuse('readFrom')
  }
  parseNumbers(): number {
    return this.refuse('parseNumbers')
  }
  splitLines(): number {
    return this.refuse('splitLines')
  }

  private refuse(method: string): never {
    this.assertOpen()
    const made = method === 'splitLines' ? 'strings or bytes' : 'numbers'
    throw new TypeError(`${method}() makes ${made}, this builder an array of ${this.element.kind}`)
  }
}
