/**
 * The free cells of a contiguous space: segregated lists by size class, coalescing at once with
 * both neighbours (two-level segregated fit, after Masmano, Ripoll, Crespo and Real, "TLSF: a New
 * Dynamic Memory Allocator for Real-Time Systems", 2004).
 *
 *  L1. A free cell has CELL_FREE and TYPE_FREE in its header, its size in its last 8 bytes, and is
 *      in the list of its class.
 *  L2. The cell behind a free cell, in the same window, has CELL_PREVIOUS_FREE; no other cell has.
 *      Where the free cell ends at the frontier, AllocationState.lastFree names it instead: there
 *      is no cell yet that could have the flag.
 *  L3. No two free cells touch, except where their sum would not fit into a header (2 GiB) or a
 *      window ends between them.
 *  L4. A list is not empty if and only if its bit is set, and the bit of its byte of bits.
 *  L5. AllocationState.freeUnits is the sum of their sizes.
 *  L6. What was freed says TYPE_FREE and its raised generation in its own header, also inside of
 *      the free cell that it was merged into: a view of it, or a ref to it, finds it gone.
 * Everything is marked before it changes. What else is behind the links of a free cell is garbage;
 * whoever takes the cell clears it.
 */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { CONTROL, STATE, STATE_REF } from './allocation-words.js'
import type { Marks } from './marks.js'
import { WINDOW_MASK } from './ref.js'
import { sizeClassOf } from './size-class.js'
import type { Window } from './window.js'

const { CELL_FREE, CELL_PREVIOUS_FREE, CELL_SIZE_MASK, MINIMUM_CELL_UNITS, TYPE_FREE } = C
/** Cells of the class of a request itself that are looked at: some of them may be too small. */
const LOOK_AT = 16

export interface FreeCell { readonly ref: number; readonly units: number }

export class FreeLists {
  private readonly state: Uint32Array
  private readonly bits: Uint8Array
  private splits = 0

  constructor(
    private readonly windows: readonly Window[],
    private readonly marks: Marks,
    private readonly control: Uint32Array,
  ) {
    this.state = windows[0]!.u32
    this.bits = windows[0]!.u8
  }

  get empty(): boolean {
    return this.state[STATE.firstLevelBitmap] === 0
  }

  /**
   * A free cell of at least `units`, still in its list; 0 when there is none that is found quickly.
   */
  find(units: number): number {
    const own = sizeClassOf(units)
    let ref = this.state[STATE.freeHeads + own]!
    for (let i = 0; ref !== 0 && i < LOOK_AT; i++) {
      const { u32 } = this.windows[ref >>> 28]!
      const at = (ref & WINDOW_MASK) << 1
      if ((u32[at]! & CELL_SIZE_MASK) >= units) return ref
      ref = u32[at + 2]!
    }
    const sizeClass = this.nextClass(own + 1)
    return sizeClass < 0 ? 0 : this.state[STATE.freeHeads + sizeClass]!
  }

  /**
   * The free cells in the class of `units` and in those above: ref and size of each, ascending.
   * Throws RSTORE_CORRUPT where the lists lead to what is no free cell in [from, end), or to more
   * than is free.
   */
  cellsOf(units: number, from: number, end: number): FreeCell[] {
    const cells: FreeCell[] = []
    let left = this.state[STATE.freeUnits]!
    let sizeClass = this.nextClass(sizeClassOf(units))
    for (; sizeClass >= 0; sizeClass = this.nextClass(sizeClass + 1)) {
      for (let ref = this.state[STATE.freeHeads + sizeClass]!; ref !== 0;) {
        const cell = this.checked(ref, sizeClass, from, end)
        left -= cell.units
        if (left < 0) throw damagedAt(ref)
        cells.push(cell)
        ref = this.windows[ref >>> 28]!.u32[((ref & WINDOW_MASK) << 1) + 2]!
      }
    }
    cells.sort((a, b) => a.ref - b.ref)
    const over = cells.find(({ ref }, i) => i > 0 && endOf(cells[i - 1]!) > ref)
    if (over !== undefined) throw damagedAt(over.ref)
    return cells
  }

  /** L1. */
  private checked(ref: number, sizeClass: number, from: number, end: number): FreeCell {
    if (ref < from || ref + MINIMUM_CELL_UNITS > end) throw damagedAt(ref)
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & WINDOW_MASK) << 1
    const header = u32[at]!
    const units = header & CELL_SIZE_MASK
    const fits = (header & CELL_FREE) !== 0 && sizeClassOf(units) === sizeClass
      && (u32[at + 1]! & 0xffff) === TYPE_FREE && ref + units <= end
      && u32[at + (units << 1) - 2] === units
    if (!fits) throw damagedAt(ref)
    return { ref, units }
  }

  /** The first class from `from` on with a cell in it; −1 when there is none. */
  private nextClass(from: number): number {
    let byte = from >>> 3
    let mask = this.bits[STATE.secondLevelBitmaps + byte]! & (0xff << (from & 7))
    if (mask === 0) {
      const first = this.state[STATE.firstLevelBitmap]! & (-2 << byte)
      if (first === 0) return -1
      byte = lowestBit(first)
      mask = this.bits[STATE.secondLevelBitmaps + byte]!
    }
    return (byte << 3) + lowestBit(mask)
  }

  /**
   * Takes `units` off the front of a free cell that `find` gave. What remains stays free, or goes
   * with it when it is too small to be a cell. The header keeps its generation; the caller writes
   * size and type. Says how many units were taken.
   */
  take(ref: number, units: number): number {
    const { u32 } = this.windows[ref >>> 28]!
    const total = u32[(ref & WINDOW_MASK) << 1]! & CELL_SIZE_MASK
    this.unlink(ref, total)
    if (total - units < MINIMUM_CELL_UNITS) {
      this.setFollower(ref + total, 0)
      return total
    }
    this.splits = (this.splits + 1) & 0xffff
    this.link(ref + units, total - units, 0, this.splits)
    return units
  }

  /**
   * Makes a free cell of [ref, ref + units), which is in no list, merged with free neighbours.
   * `previousFree` is that flag of the cell's header. Gives the ref of the cell that came of it.
   */
  put(ref: number, units: number, previousFree: number, generation: number): number {
    let start = ref
    let total = units
    let flag = previousFree
    let stamp = generation
    if (previousFree !== 0) {
      const u32 = this.windows[ref >>> 28]!.u32
      const before = u32[((ref & WINDOW_MASK) << 1) - 2]!
      if (before + total <= CELL_SIZE_MASK) {
        start = ref - before
        total += before
        const header = (start & WINDOW_MASK) << 1
        flag = u32[header]! & CELL_PREVIOUS_FREE
        stamp = u32[header + 1]! >>> 16
        this.unlink(start, before)
        this.marks.mark(ref, 8)
        u32[((ref & WINDOW_MASK) << 1) + 1] = TYPE_FREE | (generation << 16)
      }
    }
    const behind = this.freeUnitsAt(ref + units)
    if (behind !== 0 && behind + total <= CELL_SIZE_MASK) {
      this.unlink(ref + units, behind)
      total += behind
    }
    this.link(start, total, flag, stamp)
    return start
  }

  /**
   * Takes a whole cell out of its list: it is the caller's then, as if it had never been free.
   * Gives its size.
   */
  remove(ref: number): number {
    const units = this.windows[ref >>> 28]!.u32[(ref & WINDOW_MASK) << 1]! & CELL_SIZE_MASK
    this.unlink(ref, units)
    this.setFollower(ref + units, 0)
    return units
  }

  /**
   * Size of the free cell at `ref`, the end of another cell; 0 when there is none that it may be
   * merged with.
   */
  private freeUnitsAt(ref: number): number {
    if (ref === this.control[CONTROL.frontierUnits] || (ref & WINDOW_MASK) === 0) return 0
    const header = this.windows[ref >>> 28]!.u32[(ref & WINDOW_MASK) << 1]!
    return (header & CELL_FREE) === 0 ? 0 : header & CELL_SIZE_MASK
  }

  /**
   * L2: says to whatever is at `end` whether the cell that ends there is free (`ref`) or not (0).
   */
  setFollower(end: number, ref: number): void {
    if ((end & WINDOW_MASK) === 0) return
    if (end === this.control[CONTROL.frontierUnits]) {
      this.setState(STATE.lastFree, ref)
      return
    }
    const { u32 } = this.windows[end >>> 28]!
    const at = (end & WINDOW_MASK) << 1
    const header = u32[at]!
    const next = ref === 0 ? header & ~CELL_PREVIOUS_FREE : header | CELL_PREVIOUS_FREE
    if (next >>> 0 === header) return
    this.marks.mark(end, 8)
    u32[at] = next
  }

  /** L1, L2, L4, L5. */
  private link(ref: number, units: number, previousFree: number, generation: number): void {
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & WINDOW_MASK) << 1
    const footer = at + (units << 1) - 2
    const sizeClass = sizeClassOf(units)
    const head = this.state[STATE.freeHeads + sizeClass]!
    this.marks.mark(ref, 16)
    this.marks.mark(ref + units - 1, 8)
    u32[at] = units | CELL_FREE | previousFree
    u32[at + 1] = TYPE_FREE | (generation << 16)
    u32[at + 2] = head
    u32[at + 3] = 0
    u32[footer] = units
    u32[footer + 1] = 0
    if (head !== 0) this.setWord(head, 3, ref)
    else this.setBit(sizeClass)
    this.setState(STATE.freeHeads + sizeClass, ref)
    this.setState(STATE.freeUnits, this.state[STATE.freeUnits]! + units)
    this.setFollower(ref + units, ref)
  }

  private unlink(ref: number, units: number): void {
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & WINDOW_MASK) << 1
    const next = u32[at + 2]!
    const previous = u32[at + 3]!
    if (next !== 0) this.setWord(next, 3, previous)
    if (previous !== 0) this.setWord(previous, 2, next)
    else {
      const sizeClass = sizeClassOf(units)
      this.setState(STATE.freeHeads + sizeClass, next)
      if (next === 0) this.clearBit(sizeClass)
    }
    this.setState(STATE.freeUnits, this.state[STATE.freeUnits]! - units)
  }

  private setWord(ref: number, word: number, value: number): void {
    this.marks.mark(ref + (word >>> 1), 8)
    this.windows[ref >>> 28]!.u32[((ref & WINDOW_MASK) << 1) + word] = value
  }

  private setState(word: number, value: number): void {
    this.marks.mark(word >>> 1, 8)
    this.state[word] = value
  }

  private setBit(sizeClass: number): void {
    const byte = sizeClass >>> 3
    this.marks.mark((STATE.secondLevelBitmaps + byte) >>> 3, 8)
    this.bits[STATE.secondLevelBitmaps + byte]! |= 1 << (sizeClass & 7)
    this.setState(STATE.firstLevelBitmap, this.state[STATE.firstLevelBitmap]! | (1 << byte))
  }

  private clearBit(sizeClass: number): void {
    const byte = sizeClass >>> 3
    this.marks.mark((STATE.secondLevelBitmaps + byte) >>> 3, 8)
    const rest = this.bits[STATE.secondLevelBitmaps + byte]! & ~(1 << (sizeClass & 7))
    this.bits[STATE.secondLevelBitmaps + byte] = rest
    if (rest !== 0) return
    this.setState(STATE.firstLevelBitmap, this.state[STATE.firstLevelBitmap]! & ~(1 << byte))
  }
}

/** Where a list of free cells or pages leads to something else. */
export const damagedAt = (ref: number): RStoreError => new RStoreError('RSTORE_CORRUPT',
  `A list of free space leads to ref ${ref}, where there is none that could be in it. `
  + 'Nothing was changed there. Run "rstore verify"', { ref })

const endOf = ({ ref, units }: FreeCell): number => ref + units

const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits)

/**
 * Whether STATE_REF and the word indexes agree: a word of the state is at unit index / 2 of the
 * file.
 */
if (STATE.frontierUnits >>> 1 !== STATE_REF) {
  throw new Error('AllocationState is not where its words are')
}
