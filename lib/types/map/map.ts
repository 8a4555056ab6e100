/**
 * A map inside a record: four bytes, which name its root for ever. Made with the record, freed with
 * it. What the nodes look like and how maps are used is lib/map's affair, which a session knows as
 * `structures`.
 */
import { RStoreError } from '../../errors.js'
import type { Ref } from '../../space/ref.js'
import type { Lease, Owner, Session } from '../context.js'
import type { KeyCodec, KeyForm } from '../keys.js'
import { show } from '../text.js'
import { BoxedType, type AnyType, type Descriptor, type VisitRef } from '../type.js'

/** A key as text: equal for equal keys, of whatever class they are. */
export function keyText(codec: KeyCodec<unknown>, key: unknown): string {
  const form = codec.encode(key, codec.newForm(), 'key')
  return typeof form === 'number' ? String(form) : 'high' in form ? `${form.high}:${form.low}`
    : Buffer.from(form.u8.buffer, form.u8.byteOffset, form.length).toString('latin1')
}

export function keyOf(type: AnyType, what: string): KeyCodec<unknown> {
  if (type.key !== null) return type.key
  throw new TypeError(`${what}: ${type.kind} cannot be a key; scalars, enums, strings, bytes and `
    + 'tuples of those can')
}

const isIterable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Symbol.iterator in value

export function entriesOf(value: unknown, where: string): Iterable<readonly [unknown, unknown]> {
  if (value === undefined) return []
  if (isIterable(value)) return value as Iterable<readonly [unknown, unknown]>
  throw new TypeError(`${where}: expected entries [key, value], a Map for one, got ${show(value)}`)
}

/** A key as text; undefined for what cannot be one. */
function textIfKey(codec: KeyCodec<unknown>, key: unknown): string | undefined {
  try {
    return keyText(codec, key)
  } catch {
    return undefined
  }
}

/**
 * The entries of a map, a multimap or a list, each under its text, for comparisons; undefined for
 * what could not be stored as such.
 */
function byText(
  value: unknown, textOf: (entry: readonly unknown[]) => string | undefined,
): Map<string, unknown> | undefined {
  if (value !== undefined && !isIterable(value)) return undefined
  const entries = new Map<string, unknown>()
  for (const entry of entriesOf(value, '')) {
    const text = Array.isArray(entry) ? textOf(entry) : undefined
    if (text === undefined) return undefined
    entries.set(text, entry[1])
  }
  return entries
}

abstract class AnyMapType extends BoxedType {
  readonly codec: KeyCodec<unknown>

  constructor(readonly keyType: AnyType, readonly valueType: AnyType, what: string) {
    super()
    this.codec = keyOf(keyType, what)
  }

  protected abstract prepareValue(value: unknown, where: string, session: Session | null): unknown

  prepare(value: unknown, where: string, session: Session | null): unknown {
    const form: KeyForm = this.codec.newForm()
    return Array.from(entriesOf(value, where), (entry) => {
      if (!Array.isArray(entry)) {
        throw new TypeError(`${where}: expected entries [key, value], got ${show(entry)}`)
      }
      this.codec.encode(entry[0], form, where)
      return [this.keyType.plain(entry[0]), this.prepareValue(entry[1], where, session)]
    })
  }

  /** A record has its maps from the beginning. */
  empty(lease: Lease): never {
    lease.session.leave()
    throw new RStoreError('RSTORE_CORRUPT',
      `a record has no ${this.kind} where one has to be: run verify()`, {})
  }
  createCell(session: Session, value: unknown): Ref {
    return session.structures.createMap(session, this.own, value as Iterable<unknown>)
  }
  readCell(lease: Lease, ref: number, owner: Owner | undefined): unknown {
    return lease.session.structures.openMap(lease, this.own, ref as Ref, owner)
  }
  assignCell(session: Session, ref: number, value: unknown): Ref {
    session.structures.refillMap(session, this.own, ref as Ref, value as Iterable<unknown>)
    return ref as Ref
  }
  freeCell(session: Session, ref: number): void {
    session.structures.freeMap(session, this.own, ref as Ref)
  }
  override visitCell(session: Session, ref: number, visit: VisitRef, path: string): void {
    session.structures.visitMap(session, this.own, ref as Ref, visit, path)
  }
  protected abstract get own(): MapType | MultimapType
}

export class MapType extends AnyMapType {
  readonly kind = 'map'

  constructor(keyType: AnyType, valueType: AnyType) {
    super(keyType, valueType, 't.map')
  }
  protected get own(): MapType {
    return this
  }
  describe(stack: readonly AnyType[]): Descriptor {
    const inside = [...stack, this]
    return { map: [this.keyType.describe(inside), this.valueType.describe(inside)] }
  }
  protected prepareValue(value: unknown, where: string, session: Session | null): unknown {
    return this.valueType.prepare(value, where, session)
  }
  override plain(value: unknown): unknown {
    return new Map(Array.from(entriesOf(value, 'map'), ([key, entry]) =>
      [this.keyType.plain(key), this.valueType.plain(entry)]))
  }
  override same(a: unknown, b: unknown, session?: Session): boolean {
    const textOf = ([key]: readonly unknown[]): string | undefined => textIfKey(this.codec, key)
    const [mapA, mapB] = [byText(a, textOf), byText(b, textOf)]
    return mapA !== undefined && mapA.size === mapB?.size && [...mapA].every(([key, value]) =>
      mapB.has(key) && this.valueType.same(value, mapB.get(key), session))
  }
  override bindSelf(self: () => AnyType): AnyType {
    const value = this.valueType.bindSelf(self)
    return value === this.valueType ? this : new MapType(this.keyType, value)
  }
}

export class MultimapType extends AnyMapType {
  readonly kind = 'multimap'
  readonly valueCodec: KeyCodec<unknown>

  constructor(keyType: AnyType, valueType: AnyType) {
    super(keyType, valueType, 't.multimap')
    this.valueCodec = keyOf(valueType, 't.multimap')
  }
  protected get own(): MultimapType {
    return this
  }
  describe(stack: readonly AnyType[]): Descriptor {
    const inside = [...stack, this]
    return { multimap: [this.keyType.describe(inside), this.valueType.describe(inside)] }
  }
  protected prepareValue(value: unknown, where: string): unknown {
    this.valueCodec.encode(value, this.valueCodec.newForm(), where)
    return this.valueType.plain(value)
  }
  override plain(value: unknown): unknown {
    return Array.from(entriesOf(value, 'multimap'), ([key, entry]) =>
      [this.keyType.plain(key), this.valueType.plain(entry)])
  }
  override same(a: unknown, b: unknown): boolean {
    const textOf = ([key, value]: readonly unknown[]): string | undefined => {
      const texts = [textIfKey(this.codec, key), textIfKey(this.valueCodec, value)]
      return texts.includes(undefined) ? undefined : JSON.stringify(texts)
    }
    const [setA, setB] = [byText(a, textOf), byText(b, textOf)]
    return setA !== undefined && setA.size === setB?.size
      && [...setA.keys()].every((pair) => setB.has(pair))
  }
}
