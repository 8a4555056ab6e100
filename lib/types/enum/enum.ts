/** One of a list of labels, as its number in the list. Labels may be added at the end. */
import { RStoreError } from '../../errors.js'
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import { refuseKey, WordKey, type KeyCodec } from '../keys.js'
import { show } from '../text.js'
import { AnyType, type Core, type Descriptor } from '../type.js'

export class EnumType extends AnyType {
  readonly kind = 'enum'
  override readonly slotBytes = 2
  override readonly slotAlign = 2
  override readonly inLeaf = true
  override readonly key: KeyCodec<unknown>
  private readonly numbers: ReadonlyMap<unknown, number>

  constructor(readonly labels: readonly string[]) {
    super()
    if (labels.length === 0 || labels.length > 0xffff) {
      throw new RangeError(`t.enum: ${labels.length} labels; 1 to 65535 are possible`)
    }
    const wrong = labels.find((label) => typeof label !== 'string')
    if (wrong !== undefined)
      throw new TypeError(`t.enum: a label must be a string, got ${show(wrong)}`)
    this.numbers = new Map(labels.map((label, i) => [label, i]))
    if (this.numbers.size !== labels.length) throw new TypeError('t.enum: a label occurs twice')
    this.key = new WordKey<string>((value, where) => this.numbers.get(value)
      ?? refuseKey(where, this.expected, value), (word) => this.label(word)) as KeyCodec<unknown>
  }

  private get expected(): string {
    return `one of ${this.labels.slice(0, 12).map((label) => JSON.stringify(label)).join(', ')}`
      + (this.labels.length > 12 ? ` … (${this.labels.length} labels)` : '')
  }

  label(number: number): string {
    const label = this.labels[number]
    if (label !== undefined) return label
    throw new RStoreError('RSTORE_CORRUPT',
      `label number ${number} of an enum with ${this.labels.length} labels: the data is damaged; `
      + 'run verify()', { number, labels: this.labels.length })
  }

  describe(): Descriptor {
    return { enum: this.labels }
  }
  prepare(value: unknown, where: string): unknown {
    const number = this.numbers.get(value)
    if (number !== undefined) return value
    throw new TypeError(`${where}: expected ${this.expected}, got ${show(value)}`)
  }
  readSlot(core: Core, at: number): unknown {
    return this.label(core.window.u16[at >>> 1]!)
  }
  writeSlot(_session: Session, window: Window, at: number, value: unknown): void {
    window.u16[at >>> 1] = this.numbers.get(value)!
  }
}
