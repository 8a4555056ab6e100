/**
 * Where cells begin again, behind what is damaged.
 *
 *  P1. A header on a damaged page leads nowhere: what it says may be anything. Behind such a page,
 *      and wherever a header cannot be one, the place to go on is where many cells follow each
 *      other. Before the next damaged page, where there may be few, it is where most do: no cell
 *      that leads over that page counts, nor what is behind it. A page that begins like a node of a
 *      tree, or like one with copies of descriptors, is a place: keys and texts in it may look like
 *      cells. Before it, too, a place is where most cells follow each other, if they lead to it.
 *  P2. Numbers in a record look like headers, too, and lead over cells to some that are. So a chain
 *      whose first cell, or first long one, has others in it that follow each other, is none. Where
 *      checksums are lost, what was overwritten is not known to be: there such a long cell counts,
 *      but does not lead on.
 */
import { C } from '../../../formats/index.js'
import { PAGE_UNITS, pageOf, wordIndexOf } from '../../space/ref.js'
import type { Window } from '../../space/window.js'
import type { Headers } from './headers.js'

/** Where so many cells follow each other a place is believed. */
const CHAIN = 16
/** So many will do before the end of the data. */
const LAST_CHAIN = 3
/** A cell as long as this may be none, but lead over others. */
const NEAR_UNITS = 2 * PAGE_UNITS
/** So far it is looked into. */
const LOOKED_AT_UNITS = 64 * PAGE_UNITS
const LOOKED_AT_IN_ALL = 1000 * LOOKED_AT_UNITS
/** So many that follow each other inside of a cell are more than what only looks like one. */
const INSIDE = 3

export class Places {
  /** For each page, the first damaged one from there on. */
  private readonly firstDamaged: Uint32Array
  /** The first long cell of the chain that was looked at last, if its end is not 0. */
  private longFrom = 0
  private longEnd = 0
  /** So much of cells is looked into, on the way and in search of places: it takes its time. */
  private readonly unitsLeft = { walk: LOOKED_AT_IN_ALL, search: LOOKED_AT_IN_ALL }

  /** `usedUnits`: behind that there is nothing. */
  constructor(
    private readonly headers: Headers, pageCount: number, private readonly usedUnits: number,
  ) {
    this.firstDamaged = this.findDamaged(pageCount)
  }

  /** P1. The first from a ref on; `end` when there is none. */
  nextPlace(window: Window, from: number, end: number): number {
    let best = { ref: end, count: 0 }
    for (let ref = from; ref < end; ref++) {
      if (this.headers.isDamaged(pageOf(ref))) {
        if (best.count > 0) return best.ref
        ref = (pageOf(ref) + 1) * PAGE_UNITS - 1
      } else if (this.headers.isPageOfOneCell(window, ref)) {
        return this.leadsTo(window, best.ref, ref) ? best.ref : ref
      } else if (window.u32[wordIndexOf(ref)] !== 0) {
        const count = this.chainAt(window, ref, end)
        if (count < CHAIN && count > best.count) best = { ref, count }
        else if (count >= CHAIN && !this.isFalse(window, ref, end)) return ref
      }
    }
    return best.ref
  }

  /** P2. Whether a cell leads over others, which are to be found first. */
  leadsOver(window: Window, from: number, to: number, end: number): boolean {
    return to - from > NEAR_UNITS && this.skipsCells(window, from, to, end, 'walk')
  }

  /**
   * How many cells follow each other, up to CHAIN; 0 when one is followed by none, and none is a
   * page of its own. Notes the first long one among them.
   */
  private chainAt(window: Window, from: number, end: number): number {
    let count = 0
    let ref = from
    let leadsToPage = false
    this.longEnd = 0
    while (count < CHAIN && ref < end) {
      leadsToPage ||= count > 0 && this.headers.isPageOfOneCell(window, ref)
      const units = this.headers.unitsAt(window, ref, end)
      if (units === 0) break
      if (this.firstDamaged[pageOf(ref)]! < pageOf(ref + units)) return count
      if (units > NEAR_UNITS && this.longEnd === 0) {
        this.longFrom = ref
        this.longEnd = ref + units
      }
      ref += units
      count++
    }
    if (ref >= Math.min(end, this.usedUnits)) return count >= LAST_CHAIN ? CHAIN : 0
    return count >= CHAIN || leadsToPage || this.isNextDamaged(from, ref) ? count : 0
  }

  /** P2. Whether the chain that begins here, which was looked at last, is none. */
  private isFalse(window: Window, from: number, end: number): boolean {
    const { longFrom, longEnd, headers } = this
    if (longEnd !== 0 && this.skipsCells(window, longFrom, longEnd, end, 'search')) return true
    const to = from + headers.unitsAt(window, from, end)
    return !headers.isNode(window, from) && this.skipsCells(window, from, to, end, 'search')
  }

  /** P2. Whether cells follow each other inside of what may be one. */
  private skipsCells(
    window: Window, from: number, to: number, end: number, budget: 'walk' | 'search',
  ): boolean {
    const last = Math.min(to - INSIDE * C.MINIMUM_CELL_UNITS, from + LOOKED_AT_UNITS)
    if (this.unitsLeft[budget] < last - from) return false
    this.unitsLeft[budget] -= Math.max(0, last - from)
    for (let ref = from + 1; ref <= last; ref++) {
      if (this.headers.isDamaged(pageOf(ref))) {
        ref = (pageOf(ref) + 1) * PAGE_UNITS - 1
      } else if (this.areInside(window, ref, to)) {
        if (this.chainAt(window, ref, end) >= CHAIN && this.longEnd === 0) return true
      }
    }
    return false
  }

  private areInside(window: Window, from: number, to: number): boolean {
    let ref = from
    for (let i = 0; i < INSIDE; i++) {
      const units = this.headers.unitsAt(window, ref, to)
      if (units === 0) return false
      ref += units
    }
    return true
  }

  /** Whether the cells from a place on lead to another one. */
  private leadsTo(window: Window, from: number, to: number): boolean {
    let ref = from
    for (let units = 1; ref < to && units > 0; ref += units) {
      units = this.headers.unitsAt(window, ref, to)
    }
    return ref === to
  }

  /** Whether `to` is on the first damaged page behind `from`: few cells may not skip others. */
  private isNextDamaged(from: number, to: number): boolean {
    return this.firstDamaged[pageOf(from)] === pageOf(to)
  }

  private findDamaged(pageCount: number): Uint32Array {
    const first = new Uint32Array(pageCount)
    let next = 0xffff_ffff
    for (let page = pageCount - 1; page >= 0; page--) {
      if (this.headers.isDamaged(page)) next = page
      first[page] = next
    }
    return first
  }
}
