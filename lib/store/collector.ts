/**
 * What lowers a store's counts and deletes what nobody names: D1, D3 and D4 of store.ts.
 *
 * It runs when something may have become due: a name was given up, a handle closed, a region let go
 * of something, a checkpoint ended. While something waits for others (a snapshot, a backup), it
 * looks again after a while, ever more rarely.
 */
import { rmSync } from 'node:fs'

import type { NativeByteLock } from '../native/binding.js'
import type { Region } from '../region/region.js'
import type { StoreFiles } from './files.js'
import type { PendingLowering, StoreCatalog } from './store-catalog.js'

export const DELETE_BYTE = 1
export const FIRST_REGION_BYTE = 1024
const FIRST_DELAY_MS = 20
const LONGEST_DELAY_MS = 2_000

/** What it needs of its store. */
export interface Collected {
  readonly catalog: StoreCatalog
  readonly files: StoreFiles
  readonly lock: NativeByteLock
  /** A live region that is open in this process. */
  openRegion(id: number): Region | undefined
  useLive<R>(id: number, use: (region: Region) => R): R
  /** Whether this process has handles of a packed region. */
  hasHandles(id: number): boolean
  /** What a packed region names; undefined where that cannot be read. */
  namesOfPacked(id: number): number[] | undefined
  /** Lets go of what is mapped for fields. */
  forgetShared(id: number): void
}

export class Collector {
  /** Packed regions that may have become unnamed. */
  readonly candidates = new Set<number>()
  /** Backups of this process that are under way: nothing may be deleted. */
  backups = 0
  private readonly checkpointing = new Set<number>()
  private soon: NodeJS.Immediate | undefined
  private timer: NodeJS.Timeout | undefined
  private delayMs = FIRST_DELAY_MS
  private ended = false

  constructor(private readonly store: Collected) {}

  /** In the next turn: not inside the commit or rollback that tells of it. */
  collectSoon(): void {
    if (this.ended) return
    this.soon ??= setImmediate(() => {
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
      this.tryAgain()
    }
  }

  private tryAgain(): void {
    if (this.ended || this.timer !== undefined) return
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.collectLater()
    }, this.delayMs).unref()
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
    for (let progress = true; progress; ) {
      const due = this.dueOf(this.store.catalog.queued())
      if (due.length > 0) this.store.catalog.lower(due)
      for (const { id } of due) this.candidates.add(id)
      progress = this.deleteUnnamed() || due.length > 0
      if (progress) this.delayMs = FIRST_DELAY_MS
    }
    if (this.candidates.size > 0 || this.store.catalog.hasQueued) this.tryAgain()
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

  /**
   * What a region took away up to this commit cannot come back, and nobody reads what was before.
   */
  private limitOf(id: number): number {
    if (this.store.catalog.find(id)?.kind !== 'live') return Infinity
    try {
      return this.store.useLive(id, (region) => {
        const pins = region.readers().flatMap(({ epoch }) => epoch === 0 ? [] : [epoch])
        return Math.min(region.stats().checkpointEpoch, ...pins)
      })
    } catch {
      return 0  // busy or damaged: what it took away is kept
    }
  }

  /** One at a time for each region, and not again before some time when a reader holds it back. */
  private checkpointSoon(id: number): void {
    const region = this.store.openRegion(id)
    if (this.checkpointing.has(id) || region === undefined || this.timer !== undefined) return
    this.checkpointing.add(id)
    this.tryAgain()
    const ended = (): void => {
      this.checkpointing.delete(id)
      this.collectLater()
    }
    region.checkpoint().then(ended, ended)
  }

  /** D3. True when something was deleted; what others hold for a moment stays a candidate. */
  private deleteUnnamed(): boolean {
    let deleted = false
    for (const id of [...this.candidates]) {
      const entry = this.store.catalog.find(id)
      const unnamed = entry?.kind === 'packed' && entry.references === 0
      if (!unnamed || this.store.hasHandles(id)) this.candidates.delete(id)
      else if (this.tryDelete(id)) deleted = true
    }
    return deleted
  }

  /** Lock: nobody opens it meanwhile, and no backup copies it. */
  private tryDelete(id: number): boolean {
    const { lock } = this.store
    // Its own backup's lock is on the same descriptor: it would be converted, and lost.
    if (this.backups > 0 || !lock.tryLock(FIRST_REGION_BYTE + id, true)) return false
    try {
      if (!lock.tryLock(DELETE_BYTE, true)) return false
      try {
        return this.deleteLocked(id)
      } finally {
        lock.unlock(DELETE_BYTE)
      }
    } finally {
      lock.unlock(FIRST_REGION_BYTE + id)
    }
  }

  /** The count is looked at once more, now that nobody can take a new handle. */
  private deleteLocked(id: number): boolean {
    const named = this.store.namesOfPacked(id)
    this.candidates.delete(id)
    if (!this.store.catalog.removeUnnamed(id, named)) return false
    this.store.forgetShared(id)
    for (const path of this.store.files.allOf(id)) rmSync(path, { force: true })
    return true
  }

  end(): void {
    this.ended = true
    clearTimeout(this.timer)
    if (this.soon !== undefined) clearImmediate(this.soon)
  }
}
