/** Which later versions there are of what is stored. */
import { compare } from '../types/compatible.js'
import { partsOf } from '../types/parts.js'
import type { AnyType } from '../types/type.js'

/** Whether `later` reads what is stored as `type`, and not the other way round as well. */
const isLaterThan = (later: AnyType, type: AnyType): boolean => later.kind === type.kind
  && later.name === type.name && compare(type, later, '') === null
  && compare(later, type, '') !== null

export class LaterVersions {
  /** By their descriptors. */
  private readonly known = new Map<string, AnyType>()
  private readonly found = new Map<string, readonly AnyType[]>()

  /** @param types and all that they are made of */
  constructor(types: Iterable<AnyType>) {
    const seen = new Set<AnyType>()
    for (const type of types)
      for (const part of partsOf(type, seen)) this.known.set(part.descriptorText, part)
  }

  /** The nearest first. */
  of(type: AnyType): readonly AnyType[] {
    const text = type.descriptorText
    let later = this.found.get(text)
    if (later === undefined) {
      later = [...this.known.values()].filter((one) => isLaterThan(one, type))
        .sort((a, b) => isLaterThan(a, b) ? 1 : isLaterThan(b, a) ? -1 : 0)
      this.found.set(text, later)
    }
    return later
  }
}
