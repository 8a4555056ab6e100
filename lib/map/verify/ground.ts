/** What is verified: the cells of a region of some kind, and where it begins. */
import { C } from '../../../formats/index.js'
import { STATE } from '../../space/allocation-words.js'
import type { ContiguousSpace } from '../../space/contiguous-space.js'
import { OutboundList } from '../../space/outbound.js'
import { refOfPage, type Ref } from '../../space/ref.js'
import { walkSpace, type SpaceProblem, type VisitCell } from '../../space/walk.js'
import { DescriptorCopies } from '../../types/descriptor-copies.js'
import type { AnyType } from '../../types/type.js'

/** A record that no name leads to, but the region's kind does: the root of a packed one. */
export interface ExtraRoot { type: AnyType; ref: number; path: string }

/** What the walk over all cells came to. */
export interface GroundWalk {
  readonly problems: readonly SpaceProblem[]
  readonly liveUnits: number
  readonly freeUnits: number
  readonly unknownUnits: number
}

export interface Ground {
  /** Tells of every live cell. */
  walk(visit: VisitCell): GroundWalk
  /** Every ref inside is below. */
  readonly endUnits: number
  isInside(ref: number): boolean
  /** Of the tree of types; undefined when they are elsewhere. */
  readonly types: Ref | undefined
  /** Second copies of the types' descriptors; undefined where there are none. */
  readonly copies: DescriptorCopies | undefined
  /** Of the tree of names. */
  readonly catalog: Ref | undefined
  /** Whether its root is a cell like others. */
  readonly catalogIsCell: boolean
  readonly outbound: OutboundList
  /** Y6. */
  readonly keepsUnnamed: boolean
}

/** Of a region file. */
export function contiguousGround(space: ContiguousSpace, writable: boolean): Ground {
  const endUnits = writable ? space.frontierUnits : space.windows[0]!.u32[STATE.frontierUnits]!
  return {
    walk(visit) {
      const walk = walkSpace(space, endUnits, visit)
      return { ...walk, freeUnits: walk.freeUnits + walk.freePageUnits + walk.runUnits }
    },
    endUnits,
    isInside: (ref) => ref > 0 && ref < endUnits,
    types: refOfPage(C.TYPES_PAGE),
    copies: new DescriptorCopies(space),
    catalog: refOfPage(C.CATALOG_PAGE),
    catalogIsCell: false,
    outbound: new OutboundList(space),
    keepsUnnamed: false,
  }
}
