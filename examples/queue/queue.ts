/**
 * A bounded queue of packed requests: a ring of 1,000 references in a live region of a store.
 * Producers in other processes pack a request and put its reference into the ring; when the ring is
 * full the oldest request is overwritten. A request that no slot names, and that nobody has open,
 * is deleted by the store.
 *
 * Measured on a 2-core virtual machine busy with other work (load average 16): 68 puts and 211
 * takes a second in one process, 2.4 and 1.4 ms of CPU each; the rest is waiting for CPU and disk.
 */
import { t, type Store } from 'rstore'

export const Request = t.struct('Request', { number: t.u32, path: t.string, body: t.array(t.f64) })
const Slot = t.struct('Slot', { request: t.optional(t.packed(Request)) })
const Ring = t.struct('Ring', { taken: t.f64, put: t.f64, overwritten: t.f64 })

export const SLOT_COUNT = 1000

export interface Taken {
  number: number
  path: string
  sum: number
}

export class Queue {
  private readonly region
  private readonly slots
  private readonly ring

  constructor(
    readonly store: Store,
    private readonly slotCount = SLOT_COUNT,
  ) {
    this.region = store.region('queue', { durability: 'none', capacity: '64MiB' })
    this.slots = this.region.map('slots', t.u32, Slot)
    this.ring = this.region.value('ring', Ring)
    this.region.transact(() => {
      if (this.ring.get() === undefined) this.ring.set({ taken: 0, put: 0, overwritten: 0 })
    })
  }

  /** Packs a request and puts it into the ring. */
  put(request: { number: number; path: string; body: number[] }): void {
    // Without waiting for the disk: a request need not survive a crash of the machine.
    const options = { root: Request, capacity: '1MiB', durability: 'none' } as const
    const packed = this.store.pack(null, options, () => request)!
    this.region.transact(() => {
      const ring = this.ring.get()!
      if (ring.put - ring.taken === this.slotCount) {
        ring.taken++
        ring.overwritten++
      }
      this.slots.set(ring.put % this.slotCount, { request: packed })
      ring.put++
    })
    packed.close()
  }

  /** The oldest request; undefined when there is none. */
  take(): Taken | undefined {
    return this.region.transact(() => {
      const ring = this.ring.get()!
      if (ring.taken === ring.put) return undefined
      const place = ring.taken % this.slotCount
      const { number, path, body } = this.slots.get(place)!.request!
      const taken = { number, path, sum: Array.from(body).reduce((sum, value) => sum + value, 0) }
      this.slots.delete(place)
      ring.taken++
      return taken
    })
  }

  counts(): { put: number; taken: number; overwritten: number } {
    return this.region.read(() => this.ring.get()!.toObject())
  }
}
