/** What a new region begins with: allocation state, an empty catalog, no types. */
import { C } from '../../../formats/index.js'
import { STATE } from '../../space/allocation-words.js'
import { ContiguousSpace } from '../../space/contiguous-space.js'
import { PAGE_UNITS, refOfPage, wordIndexOf } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import { Space } from '../../space/space.js'
import { Window } from '../../space/window.js'
import { createTree } from '../../tree/open.js'

/** Root of the tree of types. */
export const TYPES_ROOT = refOfPage(C.TYPES_PAGE)
/** The unit of the allocation state whose second word is nextTypeId. */
export const NEXT_TYPE_UNIT = (STATE.nextTypeId >>> 1) as Ref

const PAGE_COUNT = C.TYPES_PAGE + 1

/**
 * The first pages as memory: it hands out the pages of the two roots, in their order, and nothing
 * else.
 */
class BlankSpace extends Space {
  private nextPage: number = C.CATALOG_PAGE

  constructor(readonly memory: ArrayBuffer) {
    super([new Window(memory)])
  }

  override allocatePage(typeId: number): Ref {
    const ref = refOfPage(this.nextPage++)
    const { u32 } = this.windowOf(ref)
    u32[wordIndexOf(ref)] = PAGE_UNITS
    u32[wordIndexOf(ref) + 1] = typeId
    return ref
  }

  override allocate(): never {
    throw new Error('A blank region has no cells.')
  }

  override free(): never {
    throw new Error('A blank region has no cells.')
  }

  override mark(): void {}
}

/** First page behind the table of page checksums, as native/src/core/region-file.h computes it. */
const firstDataPageOf = (capacityBytes: number): number =>
  C.CHECKSUM_PAGE + Math.ceil((capacityBytes / C.PAGE_BYTES) * 4 / C.PAGE_BYTES)

/** ALLOCATION_PAGE, CATALOG_PAGE and TYPES_PAGE of a region with nothing in it. */
export function blankPages(capacityBytes: number): Uint8Array {
  const space = new BlankSpace(new ArrayBuffer(PAGE_COUNT * C.PAGE_BYTES))
  ContiguousSpace.format(space.windows[0]!, firstDataPageOf(capacityBytes))
  createTree(space, 'bytes', {
    typeId: C.TYPE_CATALOG_ROOT, valueBytes: 4, rootBytes: C.PAGE_BYTES,
  })
  createTree(space, 'u32', {
    typeId: C.TYPE_TYPES_ROOT, valueBytes: 4, rootBytes: C.PAGE_BYTES,
  })
  return new Uint8Array(space.memory, C.ALLOCATION_PAGE * C.PAGE_BYTES)
}
