/** Which later versions there are of what is stored. */
import { compare } from '../types/compatible.js'
import { partsOf } from '../types/parts.js'
import type { AnyType } from '../types/type.js'

/** Whether `later` reads what is stored as `type`, and not the other way round as well. */
const isLaterThan = (later: AnyType, type: AnyType): boolean => later.kind === type.kind
  && later.name === type.name && compare(type, later, '') === null
  && compare(later, type, '') !== null

/** Of lists of numbers and the like nobody can say that one is a version of another. */
function hasNames(type: AnyType): boolean {
  for (const part of partsOf(type)) if (part.kind === 'struct') return true
  return false
}

export class LaterVersions {
  /** By their descriptors. */
  private readonly known = new Map<string, AnyType>()
  private readonly found = new Map<string, readonly AnyType[]>()

  /** @param types and all that they are made of */
  constructor(types: Iterable<AnyType>) {
    const seen = new Set<AnyType>()
    for (const type of types)
      for (const part of partsOf(type, seen))
        if (hasNames(part)) this.known.set(part.descriptorText, part)
  }

  /** None before what it is a later version of. */
  of(type: AnyType): readonly AnyType[] {
    const text = type.descriptorText
    let later = this.found.get(text)
    if (later === undefined) {
      later = inOrder([...this.known.values()].filter((one) => isLaterThan(one, type)))
      this.found.set(text, later)
    }
    return later
  }
}

function inOrder(types: AnyType[]): AnyType[] {
  const ordered: AnyType[] = []
  while (types.length > 0) {
    const next = types.find((one) => !types.some((other) => isLaterThan(one, other)))!
    types.splice(types.indexOf(next), 1)
    ordered.push(next)
  }
  return ordered
}
