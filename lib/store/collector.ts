/**
 * What lowers a store's counts and deletes what nobody names: D1, D3 and D4 of store.ts.
 *
 * It runs when something may have become due: a name was given up, a handle closed, a region let go
 * of something, a checkpoint ended. What regions let go of is gathered first, and queued in one
 * commit; until then it is in memory only, and a death leaves counts too high. While something
 * waits for others (a snapshot, a backup), it looks again after a while, ever more rarely.
 */
import { DELETE_BYTE, byteOf } from './locks.js'
import { namesIfReadable } from './names.js'
import type { StoreParts } from './parts.js'
import type { Lowered, PendingLowering } from './store-catalog.js'

/** Between two looks, so that those of one turn, and of some more, are one. */
const FIRST_DELAY_MS = 20
const LONGEST_DELAY_MS = 2_000
/** For which whoever closes a store waits for others. */
const LAST_WAIT_MS = 100
/** Regions that are locked and deleted at once. */
const BATCH = 256

export class Collector {
  /** Packed regions that may have become unnamed. */
  readonly candidates = new Set<number>()
  /** Backups of this process that are under way: nothing may be deleted. */
  backups = 0
  private gathered: Lowered[] = []
  private readonly checkpointing = new Set<number>()
  private soon: NodeJS.Immediate | undefined
  private timer: NodeJS.Timeout | undefined
  private delayMs = FIRST_DELAY_MS
  private lookedAt = 0
  private ended = false

  constructor(private readonly store: StoreParts) {}

  /** From commit `epoch` on `region` names these no more: D1. Never throws: it is done already. */
  lower(ids: readonly number[], region: number, epoch: number): void {
    if (ids.length === 0) return
    this.gathered.push({ ids, region, epoch })
    this.collectSoon()
  }

  /** The last snapshot of a file has ended: what was queued may have waited for it. */
  snapshotEnded(): void {
    if (this.ended || this.store.readOnly) return
    try {
      if (this.store.catalog.hasQueued) this.collectSoon()
    } catch {
      this.collectSoon()  // it is looked at again where that can be told
    }
  }

  /** Nobody in this process uses it any more. Never throws, either. */
  letGo(id: number): void {
    if (this.ended || this.store.readOnly || !this.mayBeUnnamed(id)) return
    this.candidates.add(id)
    this.collectLater()
  }

  /** True also where that cannot be read: then it is looked at again later. */
  private mayBeUnnamed(id: number): boolean {
    try {
      return this.isUnnamed(id)
    } catch {
      return true
    }
  }

  private isUnnamed(id: number): boolean {
    const entry = this.store.catalog.find(id)
    return entry?.kind === 'packed' && entry.references === 0
  }

  /** In a later turn: not inside the commit or rollback that tells of it. */
  private collectSoon(): void {
    if (this.ended || this.soon !== undefined) return
    const waitMs = this.lookedAt + FIRST_DELAY_MS - performance.now()
    if (waitMs > 0) return this.tryAgain(waitMs)
    this.soon = setImmediate(() => {
      this.soon = undefined
      this.collectLater()
    }).unref()
  }

  /** As `collect`, where nobody is there to catch what it throws: it is tried again. */
  private collectLater(): void {
    if (this.ended) return
    try {
      this.collect()
    } catch {
      this.tryLater()
    }
  }

  private tryAgain(delayMs: number): void {
    if (this.ended || this.timer !== undefined) return
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.collectLater()
    }, delayMs).unref()
  }

  private tryLater(): void {
    this.tryAgain(this.delayMs)
    this.delayMs = Math.min(this.delayMs * 2, LONGEST_DELAY_MS)
  }

  /** Looks at every packed region that has no references. */
  collectAll(): void {
    for (const { id, references } of this.store.catalog.list()) {
      if (references === 0) this.candidates.add(id)
    }
    this.collect()
  }

  /** Carries out what can be carried out, and deletes what nobody names. */
  collect(): void {
    const { catalog } = this.store
    this.lookedAt = performance.now()
    this.flush()
    for (let progress = true; progress; ) {
      const due = catalog.hasQueued ? this.dueOf(catalog.queued()) : []
      for (const id of due.length > 0 ? catalog.lower(due) : []) this.candidates.add(id)
      progress = this.deleteUnnamed() || due.length > 0
      if (progress) this.delayMs = FIRST_DELAY_MS
    }
    if (this.candidates.size > 0 || catalog.hasQueued) this.tryLater()
  }

  /**
   * At the end, when nobody here looks again: what others lock for a moment, because they delete or
   * look, is waited for. Who uses a region longer than that looks at it when he lets it go.
   */
  collectLast(): void {
    const deadline = performance.now() + LAST_WAIT_MS
    const cell = new Int32Array(new SharedArrayBuffer(4))
    for (this.collect(); this.candidates.size > 0; this.collect()) {
      if (this.backups > 0 || performance.now() > deadline) return
      Atomics.wait(cell, 0, 0, 2)
    }
  }

  /** Queues what was gathered. */
  flush(): void {
    if (this.gathered.length === 0) return
    this.store.catalog.queue(this.gathered)
    this.gathered = []
  }

  /** D1: the limit of each region is looked up once. */
  private dueOf(queued: readonly PendingLowering[]): PendingLowering[] {
    const limits = new Map<number, number>()
    return queued.filter(({ region, epoch }) => {
      if (region === 0 || epoch === 0) return true
      let limit = limits.get(region)
      if (limit === undefined) limits.set(region, (limit = this.limitOf(region)))
      if (epoch > limit) this.checkpointSoon(region)
      return epoch <= limit
    })
  }

  /** What a region took away up to this commit cannot come back, and nobody reads it any more. */
  private limitOf(id: number): number {
    const { catalog, live, snapshots } = this.store
    if (catalog.find(id)?.kind !== 'live') return snapshots.hasAny(id) ? 0 : Infinity
    try {
      return live.use(id, (region) => {
        const { checkpointEpoch } = region.stats()
        const [, generation] = region.session.view.native.identity()
        if (snapshots.hasEarlier(id, generation)) return 0
        const pins = region.readers().flatMap(({ epoch }) => epoch === 0 ? [] : [epoch])
        return Math.min(checkpointEpoch, ...pins)
      })
    } catch {
      return 0  // busy or damaged: what it took away is kept
    }
  }

  /** One at a time for each region, and not again before some time when a reader holds it back. */
  private checkpointSoon(id: number): void {
    const region = this.store.live.find(id)
    if (this.checkpointing.has(id) || region === undefined || this.timer !== undefined) return
    this.checkpointing.add(id)
    this.tryLater()
    const ended = (): void => {
      this.checkpointing.delete(id)
      this.collectLater()
    }
    region.checkpoint().then(ended, ended)
  }

  /**
   * D3. True when something was deleted; what others hold for a moment stays a candidate. Lock:
   * nobody opens it meanwhile, and no backup copies it.
   */
  private deleteUnnamed(): boolean {
    const { locks } = this.store
    // Its own backup's lock is on the same descriptor: it would be converted, and lost.
    if (this.backups > 0) return false
    const locked = this.lockUnnamed()
    if (locked.length === 0) return false
    try {
      if (!locks.tryExclusive(DELETE_BYTE)) return false
      try {
        return this.deleteLocked(locked)
      } finally {
        locks.unlock(DELETE_BYTE)
      }
    } finally {
      for (const id of locked) locks.unlock(byteOf(id))
    }
  }

  private lockUnnamed(): number[] {
    const { packed, locks } = this.store
    const locked: number[] = []
    for (const id of this.candidates) {
      if (locked.length === BATCH) break
      if (packed.isUsed(id) || !this.isUnnamed(id)) this.candidates.delete(id)
      else if (locks.tryExclusive(byteOf(id))) locked.push(id)
    }
    return locked
  }

  /** The counts are looked at once more, now that nobody can take a new handle. */
  private deleteLocked(ids: readonly number[]): boolean {
    const { catalog, packed, files } = this.store
    const gone = catalog.removeUnnamed(ids, (entry) =>
      entry.named === 0 ? [] : namesIfReadable(this.store, entry))
    for (const id of ids) this.candidates.delete(id)
    for (const id of gone) packed.forget(id)
    for (const id of gone) files.remove(id, 'packed')
    return gone.length > 0
  }

  end(): void {
    this.ended = true
    clearTimeout(this.timer)
    if (this.soon !== undefined) clearImmediate(this.soon)
  }
}
