/**
 * The latest version of a record's type that is known. What is in an old record may be later than
 * the record: a ref leads to one that was written anew, a map was assigned to a field. So whoever
 * comes by a ref alone, which says nothing of versions, reads it as the latest version of its
 * stored type: of those that the program has opened names with, or that names are stored with. A
 * name is stored with the latest one from the first change on (map/later-versions.ts, U1).
 */
import { compare } from './compatible.js'
import type { ArrayType } from './array/array.js'
import type { DefaultType } from './default/default.js'
import type { MapType } from './map/map.js'
import type { OptionalType } from './optional/optional.js'
import type { RefType } from './ref/ref.js'
import type { StructType } from './struct/struct.js'
import type { TupleType } from './tuple/tuple.js'
import type { AnyType } from './type.js'

const PARTS: Readonly<Record<string, (type: any) => readonly AnyType[]>> = {
  struct: ({ fields }: StructType) => fields.map(([, type]) => type),
  tuple: ({ elements }: TupleType) => elements,
  array: ({ element }: ArrayType) => [element],
  optional: ({ inner }: OptionalType) => [inner],
  default: ({ inner }: DefaultType) => [inner],
  map: ({ valueType }: MapType) => [valueType],
  ref: (type: RefType) => [type.target()],
}

/** Numbers, and arrays of them, have nothing in them that could be later. */
const isSimple = (type: AnyType): boolean => PARTS[type.kind] === undefined
  || (type.kind === 'array' && (type as ArrayType).typed !== undefined)

export class LatestTypes {
  /** By their descriptors, each once; structs, and what refs lead to. */
  private readonly known = new Map<string, AnyType>()
  private readonly seen = new WeakSet<AnyType>()
  /** Of stored types: they are made anew when the region is. */
  private latest = new WeakMap<AnyType, AnyType>()

  /** @param make how values are read, from the text of a descriptor */
  constructor(private readonly make: (text: string) => AnyType) {}

  /** A type, and all that it is made of; whether there is one that was not known. */
  add(type: AnyType, isTarget = false): boolean {
    if (this.seen.has(type) || isSimple(type)) return false
    this.seen.add(type)
    let isNew = (isTarget || type.kind === 'struct') && this.know(type)
    for (const part of PARTS[type.kind]!(type)) {
      if (this.add(part, type.kind === 'ref')) isNew = true
    }
    return isNew
  }

  private know({ descriptorText }: AnyType): boolean {
    if (this.known.has(descriptorText)) return false
    this.known.set(descriptorText, this.make(descriptorText))
    this.latest = new WeakMap()
    return true
  }

  /** What to read a cell of a stored type as. */
  of(stored: AnyType): AnyType {
    const found = this.latest.get(stored)
    if (found !== undefined) return found
    const latest = isSimple(stored) ? stored : this.find(stored)
    this.latest.set(stored, latest)
    return latest
  }

  private find(stored: AnyType): AnyType {
    let latest = stored
    for (const type of this.known.values()) {
      const isVersion = type.kind === latest.kind && type.name === latest.name
        && type.descriptorText !== latest.descriptorText
      if (isVersion && compare(latest, type, '') === null) latest = type
    }
    return latest
  }
}
