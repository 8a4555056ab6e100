/** What a user says about a range, checked, and as cursors and trees want it. */
import { KeyBuffer, KeyRange } from '../tree/keys.js'
import { toSuccessor, type KeyCodec, type KeyForm } from '../types/keys.js'
import { isNoOptions } from '../types/options.js'
import { coreOfView } from '../types/struct/view.js'
import { show } from '../types/text.js'

const OPTIONS = new Set(['gt', 'gte', 'lt', 'lte', 'reverse', 'limit'])

/** A checked range. Its keys are its own. */
export class Bounds extends KeyRange<KeyForm> {
  reverse = false
  limit = Infinity

  /** Another one with the same keys. */
  copy(): Bounds {
    const other = new Bounds()
    other.low = this.low
    other.lowExcluded = this.lowExcluded
    other.high = this.high
    other.highExcluded = this.highExcluded
    other.reverse = this.reverse
    other.limit = this.limit
    return other
  }

  /** From now on it begins behind a key: in its own direction. */
  goOnBehind(key: KeyForm): void {
    if (this.reverse) {
      this.high = key
      this.highExcluded = true
    } else {
      this.low = key
      this.lowExcluded = true
    }
  }
}

/**
 * How the ends of a range become keys: the codec's own forms, or for an index what begins with
 * them.
 */
export interface EndEncoder {
  low(key: unknown, excluded: boolean, into: Bounds): void
  high(key: unknown, excluded: boolean, into: Bounds): void
}

/** How many elements a key has of which the first may be an end; 0 where there are no such keys. */
function elementsOf(codec: KeyCodec<unknown>): number {
  let count = 1
  while (codec.isStart(new Array(count))) count++
  return count === 1 ? 0 : count
}

/** Runs what encodes an end that is no start; where that is no key, it says what may be a start. */
export function encodingEnd<R>(
  codec: KeyCodec<unknown>, end: unknown, where: string, encode: () => R,
): R {
  try {
    return encode()
  } catch (error) {
    const count = elementsOf(codec)
    if (count === 0 || (Array.isArray(end) && end.length === count)) throw error
    throw new TypeError(`${where}: an end must be an array of 1 to ${count} elements, of a key or `
      + `of its start, got ${show(end)}`)
  }
}

/** Ends that stand for all keys that begin with them. */
export abstract class StartEnds implements EndEncoder {
  /** What sorts before all keys that begin with it, and behind all lower ones. */
  protected abstract start(key: unknown): KeyForm
  /** What sorts behind all keys that begin with it; undefined when nothing can. */
  protected abstract behind(key: unknown): KeyForm | undefined

  low(key: unknown, excluded: boolean, into: Bounds): void {
    into.low = excluded ? this.behind(key) : this.start(key)
    if (into.low === undefined) into.limit = 0
  }
  high(key: unknown, excluded: boolean, into: Bounds): void {
    into.high = excluded ? this.start(key) : this.behind(key)
    into.highExcluded = true
  }
}

/** Ends that are keys of the tree themselves, or the first elements of such tuples. */
export class PlainEnds extends StartEnds {
  constructor(private readonly codec: KeyCodec<unknown>) {
    super()
  }

  protected override start(key: unknown): KeyBuffer {
    const form = new KeyBuffer(64)
    this.codec.appendStart(form, key, 'range')
    return form
  }
  protected override behind(key: unknown): KeyBuffer | undefined {
    const form = this.start(key)
    return toSuccessor(form) ? form : undefined
  }

  override low(key: unknown, excluded: boolean, into: Bounds): void {
    if (this.codec.isStart(key)) return super.low(key, excluded, into)
    into.low = this.whole(key)
    into.lowExcluded = excluded
  }
  override high(key: unknown, excluded: boolean, into: Bounds): void {
    if (this.codec.isStart(key)) return super.high(key, excluded, into)
    into.high = this.whole(key)
    into.highExcluded = excluded
  }

  private whole(key: unknown): KeyForm {
    const { codec } = this
    return encodingEnd(codec, key, 'range', () => codec.encode(key, codec.newForm(), 'range'))
  }
}

function checkOptions(range: unknown): asserts range is Record<string, unknown> {
  const isRange = typeof range === 'object' && range !== null
    && !isNoOptions(range) && coreOfView(range) === undefined
  if (!isRange) {
    throw new TypeError(
      `a range must be an object like { gte, lt, reverse, limit }, got ${show(range)}`,
    )
  }
  for (const name of Object.keys(range)) {
    if (!OPTIONS.has(name)) {
      throw new TypeError(
        `unknown range option ${JSON.stringify(name)}; there are ${[...OPTIONS].join(', ')}`,
      )
    }
  }
}

/**
 * Throws a TypeError on unknown options and on two lower or two upper ends, a RangeError on a bad
 * limit.
 */
export function boundsOf(range: unknown, ends: EndEncoder): Bounds {
  return range === undefined ? new Bounds() : givenBoundsOf(range, ends)
}

/** The same where it cannot be left out. */
export function givenBoundsOf(range: unknown, ends: EndEncoder): Bounds {
  checkOptions(range)
  const bounds = new Bounds()
  const { gt, gte, lt, lte, reverse = false, limit = Infinity } = range
  if (gt !== undefined && gte !== undefined) throw new TypeError('a range has gt or gte, not both')
  if (lt !== undefined && lte !== undefined) throw new TypeError('a range has lt or lte, not both')
  if (typeof reverse !== 'boolean') {
    throw new TypeError(`range option reverse must be true or false, got ${show(reverse)}`)
  }
  if (typeof limit !== 'number')
    throw new TypeError(`range option limit must be a number, got ${show(limit)}`)
  if (!(limit >= 0) || (limit % 1 !== 0 && limit !== Infinity)) {
    throw new RangeError(`range option limit must be a whole number from 0 on, got ${limit}`)
  }
  bounds.reverse = reverse
  bounds.limit = limit
  if (gt !== undefined) ends.low(gt, true, bounds)
  else if (gte !== undefined) ends.low(gte, false, bounds)
  if (lt !== undefined) ends.high(lt, true, bounds)
  else if (lte !== undefined) ends.high(lte, false, bounds)
  return bounds
}
