/**
 * The memory of a pool: 32 GiB of addresses, of which windows of 2 GiB are made usable one at a
 * time, and pages given back to the system.
 */
import { RStoreError } from '../errors.js'
import { addon } from '../native/binding.js'
import type { PackedStatus } from '../native/binding.js'
import { errorOf } from '../native/status.js'
import { wordIndexOf } from '../space/ref.js'
import { NOWHERE, WINDOW_LIMIT } from '../space/space.js'
import { Window } from '../space/window.js'

interface NativeBlockMemory {
  open(): PackedStatus
  /** The window's buffer, made at the first call. */
  window(index: number): ArrayBuffer | PackedStatus
  giveBack(address: number, bytes: number): PackedStatus
}

type PoolAddon = { BlockMemory: new () => NativeBlockMemory }

export class PoolMemory {
  /** All 16; behind `count` of them, nothing yet. Spaces share this array. */
  readonly windows: Window[] = new Array<Window>(WINDOW_LIMIT).fill(NOWHERE)
  count = 0
  private readonly native: NativeBlockMemory

  constructor() {
    this.native = new ((addon() as unknown as PoolAddon).BlockMemory)()
    const status = this.native.open()
    if (status !== 0) throw errorOf(status, 'a pool', 'Reserving addresses for')
  }

  /**
   * Makes the next window usable. Costs a full garbage collection, as V8 takes the buffer for
   * memory. Throws RSTORE_NO_MEMORY.
   */
  addWindow(): void {
    if (this.count === WINDOW_LIMIT) {
      throw new RStoreError('RSTORE_NO_MEMORY',
        'the pool is full: 32 GiB are in blocks of regions that were not freed. Free some')
    }
    const buffer = this.native.window(this.count)
    if (typeof buffer === 'number') throw errorOf(buffer, 'a pool', 'Taking memory for')
    this.windows[this.count++] = new Window(buffer)
  }

  /** Gives whole pages back to the system: they read as zero from now on. */
  giveBack(ref: number, units: number): void {
    const status = this.native.giveBack(ref * 8, units * 8)
    if (status !== 0) throw errorOf(status, 'a pool', 'Giving pages back of')
  }

  /** Makes units zero. */
  clear(from: number, to: number): void {
    if (to > from) {
      const first = wordIndexOf(from)
      this.windows[from >>> 28]!.u32.fill(0, first, first + (to - from) * 2)
    }
  }
}
