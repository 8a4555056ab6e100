/** A Date, as f64 milliseconds since 1970. Reading gives a new Date each time. */
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import { DoubleKey, refuseKey, type KeyCodec } from '../keys.js'
import { isDateObject, timeOf } from '../realms.js'
import { show } from '../text.js'
import { AnyType, type Core } from '../type.js'

const isDate = (value: unknown): value is Date =>
  isDateObject(value) && !Number.isNaN(timeOf(value))

export class DateType extends AnyType {
  readonly kind = 'date'
  override readonly slotBytes = 8
  override readonly slotAlign = 8
  override readonly inLeaf = true
  override readonly key = new DoubleKey<Date>((value, where) => {
    if (!isDate(value)) refuseKey(where, 'a valid Date', value)
    return timeOf(value)
  }, (double) => new Date(double)) as KeyCodec<unknown>

  describe(): string {
    return 'date'
  }
  prepare(value: unknown, where: string): unknown {
    if (isDate(value)) return timeOf(value)
    throw new TypeError(`${where}: expected a valid Date, got ${show(value)}`)
  }
  readSlot(core: Core, at: number): unknown {
    return new Date(core.window.f64[at >>> 3]!)
  }
  writeSlot(_session: Session, window: Window, at: number, value: unknown): void {
    window.f64[at >>> 3] = value as number
  }
  override same(a: unknown, b: unknown): boolean {
    return isDate(a) && isDate(b) && timeOf(a) === timeOf(b)
  }
}
