/**
 * What sealed regions have left of their last blocks: the next region without a bound begins there.
 * The one left last is taken first. A block that only a tail is in is freed: tails use no block.
 */
import { BLOCK_UNITS } from './area.js'

export interface Tail { readonly low: number; readonly high: number }

const LIMIT = 64

export class Tails {
  private tails: Tail[] = []

  /** Remembers one; the oldest of too many is forgotten until its block is freed. */
  add(tail: Tail): void {
    this.tails.push(tail)
    if (this.tails.length > LIMIT) this.tails.shift()
  }

  take(units: number): Tail | undefined {
    const last = this.tails[this.tails.length - 1]
    if (last === undefined || last.high - last.low < units) return undefined
    return this.tails.pop()
  }

  /** Its block is nobody's any more. */
  forget(block: number): void {
    this.tails = this.tails.filter(({ low }) => Math.floor(low / BLOCK_UNITS) !== block)
  }

  get units(): number {
    return this.tails.reduce((sum, { low, high }) => sum + high - low, 0)
  }
}
