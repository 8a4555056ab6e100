/**
 * A space: what every structure is written against. It has windows of memory, hands out and takes
 * back cells, and is told which bytes are about to change. A structure does not know whether its
 * space is a region file or blocks of a pool, and nothing of transactions, processes or crashes.
 *
 * The rules for whoever changes bytes:
 *  S1. `mark(ref, bytes)` is called before bytes change. Only the cell that `allocate` has just
 *      given may be filled without it, before anything else is called; of a page, the line with the
 *      header.
 *  S2. A cell that `allocate` gives is zero behind its header. A page is not: whoever takes it
 *      writes what he will read.
 *  S3. A cell never straddles a window: one lookup of the window serves for the whole cell.
 *  S4. A cell that was freed in a transaction may be handed out again in the same one: nothing may
 *      be read from it any more.
 *  S5. `beforeChange(root)` is called before the entries of the structure at `root` move, and
 *      `detachAll` by the view before it rolls back, refreshes, or gives up its pin: a place that
 *      is remembered (a cursor) then saves what it needs to be found again.
 *  S6. Whoever fills a structure in a way of his own (a loader) may `watch` it: he is told of each
 *      change by others before it is made, and not forgotten for the number of those that watch,
 *      but with the transaction.
 */
import { C } from '../../formats/index.js'
import { wordIndexOf, type Ref } from './ref.js'
import type { Room } from './rooms.js'
import { Window } from './window.js'

/** A place in a structure that is remembered by where it is: a cursor. */
export interface Place {
  /** The structure it is in. */
  readonly root: Ref
  /**
   * Saves what finds it again; it is not registered any more. Called while everything is still
   * where it was.
   */
  detach(): void
}

/** S6. */
export interface Watcher {
  readonly root: Ref
  /** The structure is about to be changed. */
  changed(): void
}

/**
 * Places that a space remembers. Abandoned iterators are never unregistered, so the number is
 * bounded: beyond it the oldest is detached. It will then find its place by key at its next step,
 * which is slower and as right.
 */
const PLACE_LIMIT = 16

/** 32 GiB. */
export const WINDOW_LIMIT = 16

/**
 * Where a ref beyond the space leads: nothing is read there and nothing can be written, so that a
 * damaged ref ends in whatever checks what it finds, and not in a TypeError.
 */
export const NOWHERE = new Window(new ArrayBuffer(0))

export abstract class Space {
  /** Told of a cell that is about to be freed, when somebody has asked; not of a node of a tree. */
  onFree: ((ref: number) => void) | null = null
  private readonly places: Place[] = []
  private readonly watchers: Watcher[] = []

  /**
   * One for each of the 16 that a ref can name: behind those that the space has, windows of
   * nothing. Whoever gives all 16 may put others in their place later, as long as nothing is there.
   */
  readonly windows: readonly Window[]

  constructor(windows: readonly Window[]) {
    if (windows.length === WINDOW_LIMIT) {
      this.windows = windows
      return
    }
    const nowhere = Array.from({ length: WINDOW_LIMIT - windows.length }, () => NOWHERE)
    this.windows = [...windows, ...nowhere]
  }

  /**
   * A cell with `payloadBytes` behind its 8-byte header; header written, payload zero.
   * Throws RSTORE_REGION_FULL or RSTORE_NO_SPACE, a RangeError beyond
   * LARGEST_PAYLOAD_BYTES.
   */
  abstract allocate(payloadBytes: number, typeId: number): Ref

  /**
   * A cell of exactly one page, page-aligned, header included: for tree nodes. Behind the header is
   * what was there (S2).
   */
  abstract allocatePage(typeId: number): Ref

  /** Gives a cell back, of either kind: its generation is raised, its type becomes free. */
  abstract free(ref: Ref): void

  /** Gives back the end of a cell, of which `units` stay, if what is cut off can be a cell. */
  trim(ref: Ref, units: number): void {
    const { u32 } = this.windowOf(ref)
    const at = wordIndexOf(ref)
    const rest = (u32[at]! & C.CELL_SIZE_MASK) - units
    if (rest < C.MINIMUM_CELL_UNITS) return
    const end = ref + units as Ref
    this.mark(end, C.UNIT_BYTES)
    u32[at + units * 2] = rest
    u32[at + units * 2 + 1] = C.TYPE_BYTES
    this.mark(ref, C.UNIT_BYTES)
    u32[at]! -= rest
    this.free(end)
  }

  /**
   * Announces that `bytes` bytes from the start of the unit `ref` on are about to change. Units
   * need not begin a cell.
   */
  abstract mark(ref: number, bytes: number): void

  /**
   * Between two operations of a large transaction: what it has added may go to its file now, where
   * the space has one. Whoever fills a structure in a way of his own calls it where he marks anew
   * what he goes on with.
   *
   * @param _own structures that the caller himself is filling so: not while there are more
   */
  writeAhead(_own: number): void {}

  /**
   * Arrays of at least so many bytes of capacity are built in a room; smaller ones in memory of
   * their own and copied. 0 where a room that is mostly given back costs nothing.
   */
  readonly roomBytes: number = 64 * 1024

  /**
   * A cell with its header, its payload zero, to be filled from low to high while other things are
   * allocated, without marks: see rooms.ts. Null when there is none to be had: outside of a
   * transaction, or when the space has no room for it. `onLost` is called, once at most, when it is
   * taken away before `closeRoom`.
   */
  openRoom(_units: number, _typeId: number, _onLost: () => void): Room | null {
    return null
  }

  /**
   * Makes a room longer where it is; false when something lies behind it. Throws RSTORE_NO_SPACE.
   */
  extendRoom(_room: Room, _units: number): boolean {
    return false
  }

  /**
   * Whether a cell of `units` is better allocated, and what is in the room copied to it, than left
   * where the room is.
   */
  reusesInsteadOf(_room: Room, _units: number): boolean {
    return false
  }

  /**
   * Ends a room: a cell of `units` remains where it is, or with 0 nothing; then `written` units
   * from its beginning on may be other than zero.
   */
  closeRoom(room: Room, units: number, _written?: number): void {
    throw new Error(`No space of this kind has given a room at ref ${room.ref} (${units} units).`)
  }

  /** Throws what the fault handler has flagged, if anything: what was read may be zeros. */
  checkFault(): void {}

  windowOf(ref: number): Window {
    return this.windows[ref >>> 28]!
  }

  /**
   * Type id and generation of a cell in one word: a view keeps it and so notices that its cell is
   * gone.
   */
  stampOf(ref: number): number {
    return this.windows[ref >>> 28]!.u32[((ref & 0x0fff_ffff) << 1) + 1]!
  }

  typeIdOf(ref: number): number {
    return this.stampOf(ref) & 0xffff
  }

  /** S5: `place` is good until something at its root changes. */
  register(place: Place): void {
    if (this.places.length === PLACE_LIMIT) this.places.shift()!.detach()
    this.places.push(place)
  }

  unregister(place: Place): void {
    const { places } = this
    const index = places.lastIndexOf(place)
    if (index === places.length - 1) places.pop()
    else if (index >= 0) places.splice(index, 1)
  }

  /** S6. Ends with `unwatch`. */
  watch(watcher: Watcher): void {
    this.watchers.push(watcher)
  }

  unwatch(watcher: Watcher): void {
    const index = this.watchers.indexOf(watcher)
    if (index >= 0) this.watchers.splice(index, 1)
  }

  /** Structures that are being filled. */
  protected get watcherCount(): number {
    return this.watchers.length
  }

  /** S6. */
  protected unwatchAll(): void {
    if (this.watchers.length !== 0) this.watchers.length = 0
  }

  /** S5, S6, for one structure. */
  beforeChange(root: Ref): void {
    if (this.places.length !== 0) this.detachPlaces(root)
    if (this.watchers.length !== 0) this.tellWatchers(root)
  }

  private tellWatchers(root: Ref): void {
    for (const watcher of this.watchers) if (watcher.root === root) watcher.changed()
  }

  /** S5, for all of them. */
  detachAll(): void {
    if (this.places.length === 0) return
    for (const place of this.places.splice(0)) place.detach()
  }

  private detachPlaces(root: Ref): void {
    const { places } = this
    for (let i = places.length - 1; i >= 0; i--) {
      const place = places[i]!
      if (place.root !== root) continue
      places.splice(i, 1)
      place.detach()
    }
  }
}
