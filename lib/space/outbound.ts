/**
 * The packed regions that a region of a store names: a list of cells among its own data, so that it
 * commits and rolls back with the fields that name them. One cell for each packed region, with the
 * number of fields; a store counts the cells, not the fields.
 */
import { C, OutboundReference } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { STATE } from './allocation-words.js'
import { wordIndexOf } from './ref.js'
import type { Ref } from './ref.js'
import type { Space } from './space.js'

const { next, regionId, count } = OutboundReference.fields
const NEXT = next.offset >>> 2
const REGION_ID = regionId.offset >>> 2
const COUNT = count.offset >>> 2
const HEAD_UNIT = STATE.outboundHead >>> 1

export interface Outbound { readonly ref: Ref; readonly regionId: number; readonly count: number }

export class OutboundList {
  /** Where cells were seen last; looked at again before use. */
  readonly #seen = new Map<number, Ref>()

  constructor(private readonly space: Space) {}

  /** All of them; stops where the list leaves its cells. */
  *list(): IterableIterator<Outbound> {
    const { space } = this
    for (let ref = this.#head(); ref !== 0 && this.#isCell(ref); ) {
      const { u32 } = space.windowOf(ref)
      const at = wordIndexOf(ref)
      const after = u32[at + NEXT]! as Ref
      yield { ref, regionId: u32[at + REGION_ID]!, count: u32[at + COUNT]! }
      ref = after
    }
  }

  /**
   * Ids of the packed regions that are named. Throws RSTORE_CORRUPT when the list does not end as
   * one must: whoever counts may not take a part for the whole.
   */
  ids(): number[] {
    const ids = new Set<number>()
    let next: number = this.#head()
    for (const { ref, regionId } of this.list()) {
      if (ids.has(regionId)) break
      ids.add(regionId)
      next = this.space.windowOf(ref).u32[wordIndexOf(ref) + NEXT]!
    }
    if (next === 0) return [...ids]
    throw new RStoreError('RSTORE_CORRUPT',
      'the list of the packed regions that a region names is damaged. Run "rstore verify"',
      { ref: next })
  }

  /** What was there may have been rolled back, or changed by others. */
  forget(): void {
    this.#seen.clear()
  }

  has(id: number): boolean {
    return this.#find(id) !== 0
  }

  /** One field more; true when it is the first. */
  retain(id: number): boolean {
    const { space } = this
    const found = this.#find(id)
    if (found !== 0) {
      this.#add(found, 1)
      return false
    }
    const ref = space.allocate(OutboundReference.bytes - 8, C.TYPE_OUTBOUND)
    const { u32 } = space.windowOf(ref)
    const at = wordIndexOf(ref)
    u32[at + NEXT] = this.#head()
    u32[at + REGION_ID] = id
    u32[at + COUNT] = 1
    this.#setHead(ref)
    this.#seen.set(id, ref)
    return true
  }

  /** One field less; true when it was the last. */
  release(id: number): boolean {
    const ref = this.#find(id)
    if (ref === 0) return false
    if (this.#add(ref, -1) > 0) return false
    this.#unlink(ref)
    this.#seen.delete(id)
    this.space.free(ref)
    return true
  }

  #head(): Ref {
    return this.space.windows[0]!.u32[STATE.outboundHead]! as Ref
  }

  #setHead(ref: Ref): void {
    this.space.mark(HEAD_UNIT, 8)
    this.space.windows[0]!.u32[STATE.outboundHead] = ref
  }

  #isCell(ref: number, id?: number): boolean {
    const window = this.space.windows[ref >>> 28]
    if (window === undefined || this.space.typeIdOf(ref) !== C.TYPE_OUTBOUND) return false
    return id === undefined || window.u32[wordIndexOf(ref) + REGION_ID] === id
  }

  #find(id: number): Ref {
    const seen = this.#seen.get(id)
    if (seen !== undefined && this.#isCell(seen, id)) return seen
    for (const { ref, regionId: named } of this.list()) {
      if (named !== id) continue
      this.#seen.set(id, ref)
      return ref
    }
    return 0 as Ref
  }

  #add(ref: Ref, fields: number): number {
    this.space.mark(ref, OutboundReference.bytes)
    return (this.space.windowOf(ref).u32[wordIndexOf(ref) + COUNT]! += fields)
  }

  #unlink(ref: Ref): void {
    const { space } = this
    const after = space.windowOf(ref).u32[wordIndexOf(ref) + NEXT]! as Ref
    if (this.#head() === ref) return this.#setHead(after)
    for (const before of this.list()) {
      const { u32 } = space.windowOf(before.ref)
      const at = wordIndexOf(before.ref) + NEXT
      if (u32[at] !== ref) continue
      space.mark(before.ref, OutboundReference.bytes)
      u32[at] = after
      return
    }
  }
}
