/**
 * Moving of sealed regions, so that blocks of which little is used become free.
 *
 * A region that moves is small: one span, copied as it is. So every ref into it, its own and those
 * that the program keeps, moves by the same distance, and it suffices to know in which words refs
 * are: types and trees say so (`collectRefs`). A region with anything in it of which this cannot be
 * said in place stays where it is: inner nodes of trees, keys in cells of their own, large objects.
 *
 *  R1. Nothing of a region is changed before all its refs were found and the new place is taken.
 *  R2. A region never goes where it was before: a ref that somebody keeps from then would be taken
 *      for another one. Words that lead out of the region are left alone.
 */
import { C, CatalogEntry } from '../../formats/index.js'
import { outboundRefWords } from '../space/outbound.js'
import { WINDOW_UNITS, wordIndexOf } from '../space/ref.js'
import type { Ref } from '../space/ref.js'
import type { Window } from '../space/window.js'
import { openTree } from '../tree/open.js'
import { FIRST_CHILD, HEAD } from '../tree/node.js'
import { MULTIMAP } from '../map/multimap.js'
import type { KeyKind } from '../tree/keys.js'
import { MapType, MultimapType } from '../types/map/map.js'
import { MOVED, trailWord } from '../types/moved.js'
import type { VisitRef } from '../types/type.js'
import type { BlockSession } from './block-session.js'
import { BLOCK_UNITS } from './area.js'
import type { PoolCore } from './core.js'
import type { Span } from './holdings.js'

/** 8 KiB: a region in a block of its own moves to a slab when it uses no more. */
const SMALL_UNITS = 1024
const ENTRY_REFS = [CatalogEntry.fields.root.offset / 4, CatalogEntry.fields.auxiliary.offset / 4]
const WITHOUT_REFS: ReadonlySet<number> = new Set([
  C.TYPE_STRING, C.TYPE_BYTES, C.TYPE_JSON, C.TYPE_DESCRIPTOR,
])

/** Words of the window of a region that hold refs. */
class RefWords {
  readonly words: number[] = []
  /** False when some cannot be named. */
  complete = true

  constructor(private readonly session: BlockSession, private readonly window: Window) {}

  cell(ref: Ref, typeId: number): void {
    const at = wordIndexOf(ref)
    if (WITHOUT_REFS.has(typeId)) return
    if (typeId === C.TYPE_CATALOG_ENTRY) for (const word of ENTRY_REFS) this.words.push(at + word)
    else if (typeId === C.TYPE_OUTBOUND) this.words.push(...outboundRefWords(this.window, ref))
    else if (typeId === C.TYPE_MOVED) this.words.push(at + MOVED.next, at + MOVED.previous)
    else if (typeId === C.TYPE_NODE) this.node(at)
    else if (typeId === C.TYPE_CATALOG_ROOT) this.treeOfRefs('bytes', ref)
    else if (typeId >= C.FIRST_STORED_TYPE) this.value(ref, at, typeId)
    else this.complete = false
  }

  private value(ref: Ref, at: number, typeId: number): void {
    const { session } = this
    const type = session.registry.typeOf(typeId)
    const note: VisitRef = (_type, _ref, _owned, _path, _window, word) => {
      this.words.push(word)
    }
    if (type instanceof MapType) {
      this.node(at)
      if (this.complete) session.structures.visitMap(session, type, ref, note, '')
    } else if (type instanceof MultimapType) {
      this.words.push(at + MULTIMAP.tree)
      this.treeOfRefs(type.codec.kind, this.window.u32[at + MULTIMAP.tree]! as Ref)
    } else {
      type.visitCell(session, ref, note, '')
      const trail = trailWord(session.space, ref)
      if (trail >= 0) this.words.push(trail)
    }
  }

  /** A leaf, or the anchor of one. */
  private node(at: number): void {
    const head = this.window.u32[at + HEAD]!
    if (((head >>> 8) & 0xff) !== 0) this.complete = false
    else if ((head & 0xff) === C.NODE_ANCHOR) this.words.push(at + FIRST_CHILD)
  }

  private treeOfRefs(kind: KeyKind, root: Ref): void {
    this.node(wordIndexOf(root))
    if (!this.complete) return
    const cursor = openTree(this.session.space, kind, root).cursor()
    for (let there = cursor.first(); there; there = cursor.next()) {
      this.words.push(cursor.valueIndex)
    }
    cursor.close()
  }
}

/** Null when not all can be found. */
function collectRefs(session: BlockSession, window: Window): Set<number> | null {
  const found = new RefWords(session, window)
  for (const { ref, typeId, free } of session.space.cells()) {
    if (!free) found.cell(ref, typeId)
    if (!found.complete) return null
  }
  return new Set(found.words)
}

/** Takes a better place for a region; null when there is none. */
function placeFor(core: PoolCore, session: BlockSession, span: Span): Span | null {
  const units = span.isSlab ? span.high - span.base : span.high - span.next
  const better = span.isSlab ? core.slabs.fuller(units, span.base) : undefined
  if (span.isSlab && better === undefined) return null
  const slab = core.slabs.take(units, better)
  const high = slab.low + units
  if (session.wasAt(slab.low, high)) {
    core.slabs.give(slab.low)
    return null
  }
  return {
    base: slab.low, low: slab.low + span.low - span.base, next: high - span.high + span.next, high,
    isSlab: true, tailUnits: 0,
  }
}

function isMovable(core: PoolCore, session: BlockSession): boolean {
  const { holdings: { spans, runs } } = session.space
  const span = spans[0]
  if (session.holders !== 1 || spans.length !== 1 || (runs !== null && runs.size > 0)) return false
  if (span!.isSlab) return true
  const alone = core.blocks.usersOf(Math.floor(span!.base / BLOCK_UNITS)) === 1
  return alone && span!.low === span!.base && span!.high - span!.next <= SMALL_UNITS
}

function copy(windows: readonly Window[], from: number, to: number, end: number): void {
  const source = windows[from >>> 28]!.u32
  const first = wordIndexOf(from)
  windows[to >>> 28]!.u32.set(source.subarray(first, first + (end - from) * 2), wordIndexOf(to))
}

function move(core: PoolCore, session: BlockSession): void {
  const { space } = session
  const span = space.holdings.spans[0]!
  const { windows } = space
  const words = collectRefs(session, windows[span.base >>> 28]!)
  const to = words === null ? null : placeFor(core, session, span)
  if (words === null || to === null) return
  const by = to.high - span.high
  copy(windows, span.base, to.base, span.low)
  copy(windows, span.next, to.next, span.high)
  const { u32 } = windows[to.base >>> 28]!
  const base = Math.floor(span.base / WINDOW_UNITS) * WINDOW_UNITS
  for (const word of words) {
    const at = wordIndexOf(base + (word >>> 1) + by) + (word & 1)
    const ref = u32[at]!
    if (ref >= span.base && ref < span.high) u32[at] = ref + by
  }
  space.holdings.replace(to)
  space.relistFree()
  session.moved(span.base, span.high, by)
}

/** See Pool.compact: those in the emptiest blocks first. */
export function relocate(core: PoolCore, sessions: Iterable<BlockSession>): void {
  const usedBeside = (session: BlockSession): number => {
    const span = session.space.holdings.spans[0]!
    return span.isSlab ? core.slabs.usedIn(span.base) : 0
  }
  const movable = [...sessions].filter((session) => isMovable(core, session))
  const order = new Map(movable.map((session) => [session, usedBeside(session)]))
  movable.sort((a, b) => order.get(a)! - order.get(b)!)
  for (const session of movable) move(core, session)
}
