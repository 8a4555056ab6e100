/** The allocation state and its lists of free cells. */
import { AllocationState, C, FreeCell, OutboundReference } from '../../formats/index.js'
import { cellAt, cellBytes, cellOfType, PAGE_UNITS, pageOfRef, refOfPage } from './cells.js'
import { FieldReader } from './fields.js'
import type { RegionImage } from './region.js'

export interface FreeClass {
  sizeClass: number
  /** Smallest size in the class. */
  fromBytes: number
  cells: number
  bytes: number
}

/** A packed region of the same store that fields and entries of this region name. */
export interface NamedRegion { regionId: number; count: number }

export interface Allocation {
  frontierUnits: number
  allocatedUnits: number
  freeUnits: number
  freePages: number
  runPages: number
  classes: FreeClass[]
  named: NamedRegion[]
}

const WHERE = 'allocation state'

/** The smallest size of a class in units: see SPEC.md. */
const leastUnits = (sizeClass: number): number =>
  sizeClass < 8 ? sizeClass : (8 + (sizeClass & 7)) * 2 ** ((sizeClass >>> 3) - 1)

function sizeClassOf(units: number): number {
  if (units < 8) return units
  const power = 31 - Math.clz32(units)
  return (power - 2) * 8 + ((units >>> (power - 3)) & 7)
}

type StateFields = FieldReader<typeof AllocationState.fields>

/**
 * Walks one list. Stops at the first link that cannot be right: a list never leads out of its
 * class.
 */
function readList(image: RegionImage, sizeClass: number, head: number): FreeClass {
  const wrong = (message: string) =>
    image.problems.add(`free cells of class ${sizeClass}`, message, C.ALLOCATION_PAGE)
  const seen = new Set<number>()
  let [units, previous] = [0, 0]
  for (let ref = head; ref !== 0;) {
    const cell = cellAt(image, ref)
    if (typeof cell === 'string') wrong(`the list stops: ${cell}`)
    else if (seen.has(ref)) wrong(`the list comes back to ref ${ref}`)
    else if (cell.typeId !== C.TYPE_FREE || sizeClassOf(cell.units) !== sizeClass) {
      wrong(`the list leads to ref ${ref}, which is no free cell of this class`)
    } else {
      const { next, previous: back } = FreeCell.fields
      const address = ref * C.UNIT_BYTES
      if (image.pages.u32(address + back.offset) !== previous) {
        wrong(`the link back of ref ${ref} is wrong`)
      }
      seen.add(ref)
      units += cell.units
      previous = ref
      ref = image.pages.u32(address + next.offset)
      continue
    }
    break
  }
  const fromBytes = leastUnits(sizeClass) * C.UNIT_BYTES
  return { sizeClass, fromBytes, cells: seen.size, bytes: units * C.UNIT_BYTES }
}

function countFreePages(image: RegionImage, head: number): number {
  const seen = new Set<number>()
  for (let ref = head; ref !== 0;) {
    const cell = cellAt(image, ref)
    if (typeof cell === 'string' || cell.typeId !== C.TYPE_FREE_PAGE || seen.has(ref)) {
      image.problems.add('free pages', `the list leads to ref ${ref}, which is no free page`)
      break
    }
    seen.add(ref)
    ref = image.pages.read((ref + 1) * C.UNIT_BYTES, 4).readUInt32LE()
  }
  return seen.size
}

function readNamed(image: RegionImage, head: number): NamedRegion[] {
  const seen = new Set<number>()
  const named: NamedRegion[] = []
  for (let ref = head; ref !== 0;) {
    const cell = seen.has(ref) ? `the list comes back to ref ${ref}`
      : cellOfType(image, ref, C.TYPE_OUTBOUND)
    if (typeof cell === 'string') {
      image.problems.add('named regions', `the list stops: ${cell}`, pageOfRef(ref))
      break
    }
    seen.add(ref)
    const fields = new FieldReader(OutboundReference, cellBytes(image, cell))
    const regionId = fields.u32('regionId')
    if (regionId !== 0) named.push({ regionId, count: fields.u32('count') })
    ref = fields.u32('next')
  }
  return named
}

function readClasses(image: RegionImage, state: StateFields): FreeClass[] {
  const classes: FreeClass[] = []
  for (let sizeClass = 0; sizeClass < C.SIZE_CLASS_COUNT; sizeClass++) {
    const head = state.u32('freeHeads', sizeClass)
    const byte = state.u32('secondLevelBitmaps', sizeClass >>> 3)
    const first = state.u32('firstLevelBitmap') >>> (sizeClass >>> 3) & 1
    const isMarked = (byte >>> (sizeClass & 7) & 1) === 1 && first === 1
    if (isMarked !== (head !== 0)) {
      image.problems.add(WHERE, `the bits of size class ${sizeClass} are wrong`, C.ALLOCATION_PAGE)
    }
    if (head !== 0) classes.push(readList(image, sizeClass, head))
  }
  return classes
}

function checkSums(image: RegionImage, state: StateFields, found: Allocation): void {
  const wrong = (message: string) => image.problems.add(WHERE, message, C.ALLOCATION_PAGE)
  for (const name of state.wrongPaddings()) wrong(`${name} is not zero`)
  const { frontierUnits, allocatedUnits, freeUnits, freePages, runPages } = found
  if (frontierUnits !== image.endUnits) {
    wrong(`the frontier is at unit ${frontierUnits}, the end of the data at ${image.endUnits}`)
  }
  const listed = found.classes.reduce((sum, { bytes }) => sum + bytes, 0) / C.UNIT_BYTES
  if (listed !== freeUnits) wrong(`${freeUnits} free units are noted, ${listed} are in lists`)
  if (freePages !== state.u32('freePageCount')) {
    wrong(`${state.u32('freePageCount')} free pages are noted, ${freePages} are in the list`)
  }
  const used = allocatedUnits + freeUnits + (freePages + runPages) * PAGE_UNITS
  const there = frontierUnits - refOfPage(image.identity.firstDataPage)
  if (used !== there) wrong(`${used} units are accounted for, of ${there}`)
}

/** Reads page 3 and follows its lists. */
export function readAllocation(image: RegionImage): Allocation {
  const bytes = image.pages.read(C.ALLOCATION_PAGE * C.PAGE_BYTES, C.PAGE_BYTES)
  const state = new FieldReader(AllocationState, bytes)
  const runUnits = state.u32('pageRunEnd') - state.u32('pageRunNext')
  const allocation: Allocation = {
    frontierUnits: state.u32('frontierUnits'),
    allocatedUnits: state.u32('allocatedUnits'),
    freeUnits: state.u32('freeUnits'),
    freePages: countFreePages(image, state.u32('freePageHead')),
    runPages: runUnits / PAGE_UNITS,
    classes: readClasses(image, state),
    named: readNamed(image, state.u32('outboundHead')),
  }
  checkSums(image, state, allocation)
  return allocation
}
