/**
 * Where the fields of AllocationState and ControlBlock are, as indexes of 32-bit words: taken from
 * the layouts.
 */
import { AllocationState, C, ControlBlock } from '../../formats/index.js'
import type { Field } from '../../formats/index.js'
import { refOfPage } from './ref.js'

const inPage = (field: Field): number => (C.ALLOCATION_PAGE * C.PAGE_BYTES + field.offset) >>> 2
const state = AllocationState.fields

/** Indexes into the `u32` of window 0. */
export const STATE = {
  frontierUnits: inPage(state.frontierUnits),
  allocatedUnits: inPage(state.allocatedUnits),
  freeUnits: inPage(state.freeUnits),
  freePageHead: inPage(state.freePageHead),
  freePageCount: inPage(state.freePageCount),
  pageRunNext: inPage(state.pageRunNext),
  pageRunEnd: inPage(state.pageRunEnd),
  nextTypeId: inPage(state.nextTypeId),
  firstLevelBitmap: inPage(state.firstLevelBitmap),
  freeHeads: inPage(state.freeHeads),
  lastFree: inPage(state.lastFree),
  outboundHead: inPage(state.outboundHead),
  copiesHead: inPage(state.copiesHead),
  /** Index into the `u8` of window 0. */
  secondLevelBitmaps: C.ALLOCATION_PAGE * C.PAGE_BYTES + state.secondLevelBitmaps.offset,
} as const

const control = ControlBlock.fields

/** Indexes into the control block. */
export const CONTROL = {
  fault: control.fault.offset >>> 2,
  faultCount: control.faultCount.offset >>> 2,
  faultPage: control.faultPage.offset >>> 2,
  frontierUnits: control.frontierUnits.offset >>> 2,
  capacityUnits: control.capacityUnits.offset >>> 2,
  endUnits: control.endUnits.offset >>> 2,
  highUnits: control.highUnits.offset >>> 2,
  aheadUnits: control.aheadUnits.offset >>> 2,
  replacements: control.replacements.offset >>> 2,
} as const

/** Ref of the first unit of AllocationState. */
export const STATE_REF = refOfPage(C.ALLOCATION_PAGE)
