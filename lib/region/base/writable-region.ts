/**
 * Allocation and writing: what regions in files, regions being packed and block regions have in
 * common.
 */
import { buildArray, createBuilder } from '../../builder/builder.js'
import type { ArrayBuilder, BuilderOptions } from '../../builder/builder.js'
import type { DropOptions } from '../../map/dropping.js'
import type { Ref } from '../../space/ref.js'
import type { ArrayView, RMap, RMultimap, RValue, Type } from '../../types/index.js'
import { checkOptionNames } from '../../types/options.js'
import { typeFrom } from '../../types/type.js'
import { allocCell, derefCell, editArray, freeCell, refOfRecord } from './cells.js'
import { evacuateNames, evacuateRef } from './evacuate.js'
import { RegionBase } from './read-region.js'

export abstract class WritableRegion extends RegionBase {
  /** Opens a named map; makes it, in a transaction of its own if need be, when there is none. */
  map<K, V, I>(name: string, key: Type<K, any>, value: Type<V, I>): RMap<K, V, I> {
    this.session.assertOpen()
    return this.catalog.map(name, key, value) as unknown as RMap<K, V, I>
  }

  /** Opens a named multimap; as `map`. */
  multimap<K, V>(name: string, key: Type<K, any>, value: Type<V, any>): RMultimap<K, V> {
    this.session.assertOpen()
    return this.catalog.multimap(name, key, value) as unknown as RMultimap<K, V>
  }

  /** Opens a named value; `get` gives undefined until it is set. */
  value<V, I>(name: string, type: Type<V, I>): RValue<V, I> {
    this.session.assertOpen()
    return this.catalog.value(name, type) as unknown as RValue<V, I>
  }

  /**
   * Drops what has that name, with everything it owns. False when there is nothing.
   * `onProgress` is told of the entries of a map, the keys of a multimap.
   */
  dropMap(name: string, options: DropOptions = {}): boolean {
    checkOptionNames(options, 'dropMap', ['onProgress'])
    return this.catalog.drop(name, options)
  }

  /** Gives it another name; handles follow. Throws RSTORE_NOT_FOUND, RSTORE_EXISTS. */
  renameMap(name: string, to: string): void {
    this.catalog.rename(name, to)
  }

  /** A record that no map owns: it lives until `free`, and whoever has its ref finds it. */
  alloc<V, I>(type: Type<V, I>, value: I): Ref<V> {
    return allocCell(this.session, type, value) as Ref<V>
  }

  /**
   * The record at a ref, assignable in a transaction. It is read as the version of its type that it
   * was written as. Throws RSTORE_DANGLING_REF when it was freed.
   */
  deref<V>(ref: Ref<V>): V {
    return derefCell(this.session, ref) as V
  }

  /** The ref of a record, good as long as the record lives; `compact()` gives it another one. */
  refOf<V>(view: V): Ref<V> {
    return refOfRecord(this.session, view) as Ref<V>
  }

  /**
   * Frees a record that `alloc` made, with everything it owns; what it only refers to stays. Throws
   * RSTORE_REF_OWNED for one that belongs to a map, a record or a name.
   */
  free(ref: Ref): void {
    freeCell(this.session, ref)
  }

  /**
   * Calls `edit` with a writable typed array over elements [from, to) of a numeric array that was
   * read from this region: a Float64Array of a `t.array(t.f64)`, and so on. It is good inside the
   * callback only.
   */
  editArray<A>(array: A, from: number, to: number, edit: (elements: any) => void): void {
    editArray(this.session, array, from, to, edit)
  }

  /**
   * Builds an array of unknown length by pushing. Whenever `build` throws nothing remains. The ref
   * is adopted by the field or entry it is stored in; one that nobody adopts is freed at commit.
   * Stored as a `t.ref`, which owns nothing, it lives on as if `alloc` had made it, until `free`.
   * Throws RSTORE_BUILDER_OVERFLOW when more was pushed than `capacity`.
   */
  buildArray<V, I>(
    element: Type<V, I>, options: BuilderOptions, build: (b: ArrayBuilder<V, I>) => void,
  ): Ref<ArrayView<V>> {
    const type = typeFrom(element, 'buildArray')
    return buildArray(this.session, type, options, build) as Ref<ArrayView<V>>
  }

  /**
   * Copies everything that has a name, and what it reaches, into another region, in whose
   * transaction this runs when it is in a file. Throws RSTORE_EXISTS when a name is taken there,
   * and then has changed nothing.
   */
  evacuate(target: WritableRegion): void
  /**
   * Copies what a ref reaches, cycles and sharing kept, and gives the ref of the copy: nobody owns
   * it, as if `alloc` had made it. Refs between the two regions do not exist: refs in the copy
   * lead to copies. Throws RSTORE_UNSUPPORTED when there are fields of type t.packed.
   */
  evacuate<V>(target: WritableRegion, ref: Ref<V>): Ref<V>
  evacuate(target: WritableRegion, ref?: Ref): Ref | void {
    checkTarget(target)
    if (ref !== undefined) return evacuateRef(this.session, target.session, ref)
    evacuateNames(this.session, this.catalog, target.session, target.catalog)
  }

  /** As `buildArray`, step by step: `finish` gives the array, `discard` gives up. */
  arrayBuilder<V, I>(element: Type<V, I>, options: BuilderOptions = {}): ArrayBuilder<V, I> {
    return createBuilder(this.session, typeFrom(element, 'arrayBuilder'), options)
  }
}

/** Throws a TypeError on what is no region that can be written. */
export function checkTarget(target: unknown): asserts target is WritableRegion {
  if (target instanceof WritableRegion) return
  throw new TypeError('evacuate needs a region that can be written as its target')
}
