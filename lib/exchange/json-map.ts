/** A named map whose types nobody has declared: keys and values are JSON, by the stored types. */
import type { OrderedMultimap } from '../map/multimap.js'
import type { OrderedMap } from '../map/ordered-map.js'
import type { StoredValue } from '../map/stored-value.js'
import type { RegionBase } from '../region/base/read-region.js'
import type { Ref } from '../space/ref.js'
import { checkOptionNames } from '../types/options.js'
import type { AnyType } from '../types/type.js'
import { JsonForms, type JsonForm, type RefNames } from './forms.js'
import { findNamed, namedIn, openMap, readValue, type Named, type NameSchema } from './named.js'
import { typeWithPackedContent } from './ref-types.js'

/** A range of keys, in JSON. */
export interface JsonRange {
  gt?: unknown
  gte?: unknown
  lt?: unknown
  lte?: unknown
  reverse?: boolean
  limit?: number
}

export interface CountOptions { onProgress?(done: number, total: number): void }

/** Refs are the numbers that they are: good in this region, as long as what they name. */
const SAME_REFS: RefNames = {
  idOfRef: (ref) => ref,
  idOfRecord: () => 0,
  refOfId: (id) => id as Ref,
}

const PROGRESS_ENTRIES = 4096
const ENDS = ['gt', 'gte', 'lt', 'lte'] as const

/**
 * Works for whoever has no types: command lines, editors. What JSON does not have is written as
 * lib/exchange/forms.ts says: u64 as strings, bytes as {"$bytes": base64}, refs as {"$ref": n}, and
 * what a field of type t.packed names, in a store with its content, which cannot be written so.
 * A change needs a transaction, and keeps the indexes of the map right. Throws a TypeError or
 * RangeError on what is not of the stored type.
 */
export class JsonMap {
  readonly schema: NameSchema
  private readonly handle: OrderedMap | OrderedMultimap | Pick<StoredValue, 'get'>
  private readonly keys: JsonForm | undefined
  private readonly values: JsonForm

  private constructor(region: RegionBase, name: string) {
    const named = findNamed(region, name)
    const { schema, key, value } = named
    const forms = new JsonForms(SAME_REFS)
    const own = typeWithPackedContent(value.descriptorText)
    this.schema = schema
    this.keys = key === undefined ? undefined : forms.of(key)
    this.values = forms.of(own)
    this.handle = named.isEntry ? openNamed(region, schema, key, own) : openRoot(region, named, own)
  }

  /**
   * Opens what has that name, a single value, too, which has no keys. Throws RSTORE_NOT_FOUND.
   */
  static open(region: RegionBase, name: string): JsonMap {
    return new JsonMap(region, name)
  }

  /** Entries, pairs, or 1 for a value that is there. */
  get size(): number {
    if (this.schema.kind === 'value') return this.value().get() === undefined ? 0 : 1
    return (this.handle as OrderedMap | OrderedMultimap).size
  }

  /**
   * The value of a key; of a multimap the list of them; undefined when there is none. An optional
   * value that is there and nothing is null.
   */
  get(key?: unknown): unknown {
    if (this.schema.kind === 'multimap') {
      const list = Array.from(this.multimap().valuesOf(this.keyOf(key)),
        (value) => this.values.toJson(value))
      return list.length === 0 ? undefined : list
    }
    if (this.schema.kind === 'value') {
      const value = this.value().get()
      return value === undefined ? undefined : this.values.toJson(value)
    }
    const own = this.keyOf(key)
    const value = this.map().get(own)
    return value === undefined && !this.map().has(own) ? undefined : this.values.toJson(value)
  }

  /** Sets the value of a key; adds a pair to a multimap. */
  set(key: unknown, value: unknown): void {
    const own = this.values.fromJson(value)
    if (this.schema.kind === 'map') this.map().set(this.keyOf(key), own)
    else if (this.schema.kind === 'multimap') this.multimap().add(this.keyOf(key), own)
    else this.value().set(own)
  }

  /** Deletes a key with all it has; gives the number of entries deleted. */
  delete(key?: unknown): number {
    if (this.schema.kind === 'multimap') return this.multimap().remove(this.keyOf(key))
    if (this.schema.kind === 'map') return Number(this.map().delete(this.keyOf(key)))
    return Number(this.value().delete())
  }

  /** Entries in the order of the keys; of a single value none. */
  *entries(range: JsonRange = {}): IterableIterator<[key: unknown, value: unknown]> {
    if (this.schema.kind === 'value') return
    const entries = (this.handle as OrderedMap | OrderedMultimap).entries(this.rangeOf(range))
    for (const [key, value] of entries) {
      yield [this.keys!.toJson(key), this.values.toJson(value)]
    }
  }

  /** The same, with the value as text, which takes less time than making one of the value. */
  *texts(range: JsonRange = {}): IterableIterator<[key: unknown, text: string]> {
    if (this.schema.kind === 'value') return
    const { keys, values } = this
    const entries = (this.handle as OrderedMap | OrderedMultimap).entries(this.rangeOf(range))
    for (const [key, value] of entries) yield [keys!.toJson(key), values.toText(value)]
  }

  /**
   * How many entries a range has. `onProgress` is told now and then how many were counted, of how
   * many that the map has.
   */
  count(range: JsonRange = {}, options: CountOptions = {}): number {
    checkOptionNames(options, 'count', ['onProgress'])
    if (this.schema.kind === 'map') return this.map().count(this.rangeOf(range))
    if (this.schema.kind === 'value') return this.size
    let count = 0
    for (const _pair of this.multimap().entries(this.rangeOf(range))) {
      if (++count % PROGRESS_ENTRIES === 0) options.onProgress?.(count, this.size)
    }
    return count
  }

  private map(): OrderedMap {
    return this.handle as OrderedMap
  }
  private multimap(): OrderedMultimap {
    return this.handle as OrderedMultimap
  }
  private value(): StoredValue {
    return this.handle as StoredValue
  }

  private keyOf(key: unknown): unknown {
    return this.keys!.fromJson(key)
  }

  private rangeOf(range: JsonRange): object {
    const own: Record<string, unknown> = { ...range }
    for (const end of ENDS) {
      if (range[end] === undefined) delete own[end]
      else own[end] = this.keyOf(range[end])
    }
    return own
  }
}

function openNamed(
  { catalog }: RegionBase, { kind, name }: NameSchema, key: AnyType | undefined, value: AnyType,
): OrderedMap | OrderedMultimap | StoredValue {
  if (kind === 'map') return catalog.map(name, key, value)
  return kind === 'multimap' ? catalog.multimap(name, key, value) : catalog.value(name, value)
}

/** The root of a packed region: only to be read, so that nobody asks for more than `get`. */
function openRoot(
  { session }: RegionBase, named: Named, value: AnyType,
): OrderedMap | OrderedMultimap | Pick<StoredValue, 'get'> {
  if (named.key !== undefined) return openMap(session, named, named.key, value)
  return { get: () => readValue(session, value, named.root) }
}

/** What a name stands for, with its types. Throws RSTORE_NOT_FOUND. */
export const schemaOf = (region: RegionBase, name: string): NameSchema =>
  findNamed(region, name).schema

/**
 * All names, in their order. The root of a packed region is among them, as "root", unless
 * something else is called so.
 */
export const schemasOf = (region: RegionBase): NameSchema[] =>
  namedIn(region).map(({ schema }) => schema)
