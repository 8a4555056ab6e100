/** Values of a widened type, for a slot that was written before it was widened. */
import type { EnumType } from '../enum/enum.js'
import { INTEGER_LIMITS } from '../number/number.js'
import type { AnyType } from '../type.js'

const isInteger = (kind: string): kind is keyof typeof INTEGER_LIMITS => kind in INTEGER_LIMITS

/**
 * What to put into a slot of a stored scalar type for a value that a wider type has prepared, so
 * that it reads as the same; null when there is no room for it.
 */
export function narrowed(declared: AnyType, stored: AnyType, prepared: unknown): unknown {
  if (stored.kind === declared.kind) {
    const isThere = stored.kind !== 'enum'
      || (stored as EnumType).labels.includes(prepared as string)
    return isThere ? prepared : null
  }
  const number = Number(prepared)
  if (stored.kind === 'f32') return Object.is(Math.fround(number), number) ? number : null
  if (!isInteger(stored.kind)) return null
  const [low, high] = INTEGER_LIMITS[stored.kind]
  const fits = number >= low && number <= high && Number.isInteger(number) && !Object.is(number, -0)
  return fits ? number : null
}
