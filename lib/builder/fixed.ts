/**
 * Builders of elements of a fixed width: what numbers (numbers.ts) and other slots (slots.ts) have
 * in common.
 *
 * Elements go into the current chunk at `index`. A chunk is in a run of the arena, or it is a room:
 * the array's own cell, at the frontier of the region.
 *
 *                     in a transaction                             outside
 *   small capacity    a run, front or flush                        the same
 *   large capacity    a room; with io a run                        a run
 *   without           a room, made longer while nothing lies       runs
 *                     behind it; then runs
 *
 * What is small says the space (`roomBytes`): in a region file a room moves the frontier, in a
 * block it costs nothing.
 *
 *  B1. `index < limit` holds where a push may write without looking further. With a capacity
 *      `limit` is beyond reach: a typed array of exactly the capacity ignores what is stored behind
 *      its end, and the count shows it; only in a room it is first reached where pages are
 *      provided. Consumed builders have a limit of −1.
 *  B2. `count = before + index`. Chunks in `full` are full, the current one is full up to `index`.
 *  B3. Nothing behind a room's last element is ever written (Rooms O4).
 *  B4. A large array in a run is copied, not moved by remapping its pages: in a region file the
 *      view gives pages back that the file holds, and takes for granted that the file is mapped
 *      behind them (native/src/core/view.h, V1 and V4); anonymous pages in between would turn into
 *      zeros. Arrays for which it would pay are built in a room, where there is nothing to move.
 *  B5. Until `finish` returns, nothing of the region refers to the elements; a throw or a discard
 *      leaves nothing.
 *  B6. Where the region has more free space than it uses, and a free cell could hold the array, no
 *      room is begun for it, and it is copied out of one that was: else one that is built anew
 *      again and again would make the file grow for ever.
 */
import { byteIndexOf, wordIndexOf } from '../space/ref.js'
import type { Ref } from '../space/ref.js'
import type { Room } from '../space/rooms.js'
import { ArrayType, ELEMENTS_OFFSET } from '../types/array/array.js'
import type { EndingReason, Session } from '../types/context.js'
import type { AnyType } from '../types/type.js'
import { setUnowned } from '../types/unowned.js'
import {
  Chunk, elementsIn, elementsOfRoom, FIRST_CHUNK_BYTES, MOST_CHUNK_BYTES, unitsOfArray,
} from './chunk.js'
import { consumedError, overflowError, type ConsumedReason } from './errors.js'
import { builderAddon } from './native.js'
import type { ArrayBuilder, Plan } from './plan.js'
import { RunSet, unwatch, watch } from './runs.js'

/** Beyond reach: B1. */
const UNREACHED = 0x7fff_ffff
/** Less is not worth a system call. */
const PROVIDED_BYTES = 256 * 1024

const NO_CHUNKS: readonly Chunk[] = []

const arrayTypes = new WeakMap<AnyType, ArrayType>()

export function arrayTypeOf(element: AnyType): ArrayType {
  let type = arrayTypes.get(element)
  if (type === undefined) arrayTypes.set(element, type = new ArrayType(element))
  return type
}

export abstract class FixedBuilder implements ArrayBuilder {
  /** Of the next element in the current chunk. */
  protected index = 0
  /** B1. */
  protected limit = 0
  /** Elements in full chunks. */
  protected before = 0
  protected chunk: Chunk | null = null
  protected full: readonly Chunk[] = NO_CHUNKS
  protected readonly runs = new RunSet()
  protected readonly stride: number
  /** −1 without one. */
  protected readonly capacity: number
  private copied = 0
  private isWatched = false
  private reason: ConsumedReason = 'discarded'

  constructor(
    protected readonly session: Session,
    protected readonly element: AnyType,
    protected readonly plan: Plan,
  ) {
    this.stride = this.slotBytes(element)
    this.capacity = plan.capacity
    if (plan.capacity >= 0) this.openBounded()
  }

  /**
   * When this is forgotten, its runs go back. A room goes on until its transaction ends, or its
   * block region is sealed or freed: that holds on to the builder, which must not write any more
   * then (Rooms O2), and what takes a room away may not come at any moment.
   */
  watched(): this {
    this.isWatched = true
    watch(this, this.runs)
    return this
  }

  /** Bytes of an element while it is being built. */
  protected slotBytes(element: AnyType): number {
    return element.slotBytes
  }

  /** The current chunk has changed: null once the builder is consumed. */
  protected abstract attach(chunk: Chunk | null): void
  abstract push(element: unknown): void
  abstract pushMany(elements: ArrayBufferView | ArrayLike<unknown>): void
  abstract readFrom(fd: number, maxBytes: number): number
  abstract parseNumbers(source: Uint8Array | number, options?: { delimiter?: string }): number
  abstract splitLines(source: Uint8Array | number): number

  get count(): number {
    this.assertOpen()
    return this.before + this.index
  }

  /** Bytes that were copied to make the array: for tests. Good after `finish` too. */
  get bytesCopied(): number {
    return this.copied
  }

  /**
   * Byte address in the region of element 0 while it is being built; −1 when it is not there yet.
   */
  get firstAddress(): number {
    const first = this.full[0] ?? this.chunk
    return first?.room ? first.room.ref * 8 + ELEMENTS_OFFSET : -1
  }

  assertOpen(): void {
    if (this.limit >= 0) return
    if (this.reason === 'ended') this.session.enter()  // tells where the whole region is gone
    throw consumedError(this.reason)
  }

  checkpoint(): void {
    this.assertOpen()
    const count = this.before + this.index
    if (this.capacity >= 0 && count > this.capacity) throw overflowError(this.capacity, count)
  }

  // ── chunks ──

  private openBounded(): void {
    const { stride, capacity } = this
    const large = !this.plan.io && capacity * stride >= this.session.space.roomBytes
    const room = large ? this.openRoom(capacity) : null
    const run = room === null ? this.runs.take(capacity * stride) : null
    this.enter(room ?? Chunk.inRun(run!, stride, this.plan.io ? capacity : -1))
    this.chunk!.limit = capacity
    this.attach(this.chunk)
    this.limit = room === null ? UNREACHED : 0
  }

  /** Null where the region cannot give one now. */
  protected openRoom(elements: number): Chunk | null {
    const { session, stride } = this
    if (!session.writable) return null
    const typeId = session.registry.idOf(arrayTypeOf(this.element))
    const units = unitsOfArray(elements, stride)
    const room = session.space.openRoom(units, typeId, () => this.consume('ended'))
    return room === null ? null : Chunk.inRoom(session.space, room, stride)
  }

  private enter(chunk: Chunk): void {
    if (this.chunk !== null) this.full = [...this.full, this.chunk]
    this.before += this.index
    this.index = 0
    this.chunk = chunk
    this.limit = chunk.limit
    this.attach(chunk)
  }

  /**
   * Where a push does not fit: makes room for `wanted` elements or fewer, at least one, and gives
   * the index to go on with. Throws RSTORE_BUILDER_CONSUMED, RSTORE_BUILDER_OVERFLOW,
   * RSTORE_NO_MEMORY, RSTORE_NO_SPACE.
   */
  protected more(wanted = 1): number {
    this.assertOpen()
    if (this.capacity >= 0) return this.provideMore()
    const { chunk, stride } = this
    const bytes = Math.min(Math.max(2 * (chunk?.limit ?? 0), wanted) * stride, MOST_CHUNK_BYTES)
    const longer = Math.max(1, elementsIn(bytes, stride))
    if (chunk?.room && this.extend(chunk, longer)) return this.index
    const elements = Math.max(1, elementsIn(Math.max(bytes, FIRST_CHUNK_BYTES), stride))
    const room = chunk === null ? this.openRoom(elements) : null
    this.enter(room ?? Chunk.inRun(this.runs.take(elements * stride), stride))
    return 0
  }

  /** A large array with a capacity: its pages are provided some way ahead of the pushes. */
  private provideMore(): number {
    const { chunk, index, stride, capacity } = this
    if (!chunk?.room || index > capacity) throw overflowError(capacity, this.before + index)
    const end = Math.min(capacity, index + Math.ceil(MOST_CHUNK_BYTES / stride))
    provide(chunk.window.u8, chunk.first + index * stride, (end - index) * stride)
    this.limit = end === capacity ? UNREACHED : end
    return index
  }

  private extend(chunk: Chunk, by: number): boolean {
    const room = chunk.room!
    const { space } = this.session
    const before = room.units
    if (!space.extendRoom(room, unitsOfArray(chunk.limit + by, this.stride))) return false
    const first = (((room.ref & 0x0fff_ffff) + before) * 8)
    provide(chunk.window.u8, first, (room.units - before) * 8)
    chunk.limit = this.limit = elementsOfRoom(room, this.stride)
    this.attach(chunk)
    return true
  }

  // ── the end ──

  finish(): Ref<any> {
    this.assertOpen()
    this.session.enterWrite()
    this.checkpoint()
    const ref = this.place()
    setUnowned(this.session.space, ref, true)
    this.consume('finished')
    this.session.leave()
    this.session.unadopted.add(ref)
    return ref
  }

  /** Makes the array: links its room, or copies. */
  protected place(): Ref {
    const room = this.full.length === 0 ? this.chunk?.room : null
    const ref = room && !this.reuses(room) ? this.link(this.chunk!) : this.copy()
    const { u32 } = this.session.space.windowOf(ref)
    u32[wordIndexOf(ref) + 2] = this.before + this.index
    return ref
  }

  /** B6. */
  private reuses(room: Room): boolean {
    return this.session.space.reusesInsteadOf(room, unitsOfArray(this.index, this.stride))
  }

  private link(chunk: Chunk): Ref {
    const room = chunk.room!
    this.chunk = null
    this.session.space.mark(room.ref, ELEMENTS_OFFSET)
    this.session.space.closeRoom(room, unitsOfArray(this.index, this.stride))
    return room.ref
  }

  private copy(): Ref {
    const { session, stride } = this
    const bytes = (this.before + this.index) * stride
    const typeId = session.registry.idOf(arrayTypeOf(this.element))
    const ref = session.space.allocate(ELEMENTS_OFFSET - 8 + bytes, typeId)
    const { u8 } = session.space.windowOf(ref)
    let at = byteIndexOf(ref) + ELEMENTS_OFFSET
    provide(u8, at, bytes)
    this.eachChunk((chunk, elements) => {
      const from = chunk.window.u8.subarray(chunk.first, chunk.first + elements * stride)
      u8.set(from, at)
      at += from.length
    })
    this.copied += bytes
    return ref
  }

  protected noteCopied(bytes: number): void {
    this.copied += bytes
  }

  protected eachChunk(see: (chunk: Chunk, elements: number) => void): void {
    for (const chunk of this.full) see(chunk, chunk.limit)
    if (this.chunk !== null) see(this.chunk, this.index)
  }

  discard(): void {
    this.assertOpen()
    this.consume('discarded')
  }

  /** The region is gone, or sealed. */
  end(reason: EndingReason): void {
    this.consume(reason)
  }

  /** Gives everything back. Rooms whose transaction is over are gone already. */
  private consume(reason: ConsumedReason): void {
    if (this.limit < 0) return
    const { chunk, full, index, stride } = this
    this.reason = reason
    this.limit = -1
    this.chunk = null
    this.full = NO_CHUNKS
    this.attach(null)
    if (this.isWatched) unwatch(this.runs)
    this.runs.release()
    if (reason === 'ended') return
    for (const { room } of full) if (room !== null) this.session.space.closeRoom(room, 0)
    if (!chunk?.room) return
    const written = unitsOfArray(Math.min(index, chunk.limit), stride)
    this.session.space.closeRoom(chunk.room, 0, written)
  }

  [Symbol.dispose](): void {
    this.consume('discarded')
  }
}

/**
 * Has pages provided for what will be written in a moment. The store makes the file long enough.
 */
function provide(u8: Uint8Array, first: number, bytes: number): void {
  if (bytes < PROVIDED_BYTES) return
  u8[first + bytes - 1] = 0
  builderAddon().provide(u8, first, bytes)
}
