/** Integers of 64 bits, as bigint. */
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import { BigKey, type KeyCodec } from '../keys.js'
import { widens } from '../number/number.js'
import { show } from '../text.js'
import { AnyType, type Core, type SlotReader } from '../type.js'

export class BigIntType extends AnyType {
  override readonly slotBytes = 8
  override readonly slotAlign = 8
  override readonly inLeaf = true
  override readonly key: KeyCodec<unknown>
  private readonly signed: boolean

  constructor(override readonly kind: 'u64' | 'i64') {
    super()
    this.signed = kind === 'i64'
    this.key = new BigKey(this.signed) as KeyCodec<unknown>
  }

  describe(): string {
    return this.kind
  }
  prepare(value: unknown, where: string): unknown {
    if (typeof value !== 'bigint') {
      throw new TypeError(`${where}: expected a bigint (${this.kind}), got ${show(value)}`)
    }
    if ((this.signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) !== value) {
      throw new RangeError(
        `${where}: ${value}n is not a ${this.kind}: it does not fit into 64 bits`,
      )
    }
    return value
  }
  readSlot(core: Core, at: number): unknown {
    return this.signed ? core.window.i64[at >>> 3] : core.window.u64[at >>> 3]
  }
  writeSlot(_session: Session, window: Window, at: number, value: unknown): void {
    if (this.signed) window.i64[at >>> 3] = value as bigint
    else window.u64[at >>> 3] = value as bigint
  }
  override same(a: unknown, b: unknown): boolean {
    return a === b
  }
  override readerFor(stored: AnyType): SlotReader {
    if (!widens(stored.kind, this.kind)) return super.readerFor(stored)
    return (core, at) => BigInt(stored.readSlot(core, at) as number)
  }
}
