/** true or false, in one byte. */
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import { refuseKey, WordKey, type KeyCodec } from '../keys.js'
import { show } from '../text.js'
import { AnyType, type Core } from '../type.js'

export class BoolType extends AnyType {
  readonly kind = 'bool'
  override readonly slotBytes = 1
  override readonly slotAlign = 1
  override readonly inLeaf = true
  override readonly key = new WordKey<boolean>((value, where) => {
    if (typeof value !== 'boolean') refuseKey(where, 'true or false', value)
    return value ? 1 : 0
  }, (word) => word !== 0) as KeyCodec<unknown>

  describe(): string {
    return 'bool'
  }
  prepare(value: unknown, where: string): unknown {
    if (typeof value === 'boolean') return value
    throw new TypeError(`${where}: expected true or false, got ${show(value)}`)
  }
  readSlot(core: Core, at: number): unknown {
    return core.window.u8[at] !== 0
  }
  writeSlot(_session: Session, window: Window, at: number, value: unknown): void {
    window.u8[at] = value ? 1 : 0
  }
}
