/**
 * Whole free pages of a live region, back to the file system: `compact` without a copy.
 *
 *  G1. Only what is garbage for everybody changes, in transactions like any other: free pages of
 *      trees that lie side by side become free cells (merge-pages.ts), and the pages that lie in a
 *      free cell, behind its links and before its size, are filled with zeros (clear-free.ts).
 *      What is free is looked up inside the transaction, again when somebody else has committed
 *      since. Nothing moves: refs stay good.
 *  G2. A checkpoint writes the zeros and their checksums into the file, as far as nobody reads an
 *      older commit. It is not left behind by more than PAGES_AHEAD: where a reader holds it back
 *      no more is cleared, because that would fill the log and give nothing back.
 *  G3. Only then pages are punched, and only those that the file holds as zeros at that moment:
 *      native/src/core/give-back.h. So what the file holds never changes by it, whenever a crash
 *      comes; a list of free pages that is out of date meanwhile does no harm; and pages that a
 *      snapshot still reads are left alone by themselves, for a later run.
 *  G4. The tail, behind the data, is punched first, under the write lock: there it turns out
 *      whether somebody writes and whether the file system can do it at all, before anything has
 *      changed.
 *  G5. Damage must not be made worse: pages are compared with their checksums before, and lists
 *      that lead to what is no free space, or out of the data, end it.
 *  G6. The file keeps its length, because views map all of it and a touch behind the end of a file
 *      would be a fault; the data, too, because a view of an older commit shows what was free at
 *      its end. Both are cut when the handle that was asked is closed, if it is the last one then:
 *      lib/region/live/view.ts, lib/space/lower-frontier.ts, and H9 of native/src/core/handle.h.
 *  G7. It may end anywhere, by an error, a signal or a kill: what was done stays done, the rest
 *      is for the next run.
 */
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { RStoreError } from '../../errors.js'
import { asking, check } from '../../native/status.js'
import { FreeClearing, freeRuns } from '../../space/clear-free.js'
import type { PageRun } from '../../space/clear-free.js'
import { PageMerger } from '../../space/merge-pages.js'
import type { CheckedOptions } from '../base/options.js'
import type { RegionSession } from '../live/session.js'
import { View } from '../live/view.js'
import { checkSource } from './compact.js'
import type { Compacted, CompactOptions } from './compact.js'

/** Pages that one transaction changes: 4 MiB of the log. */
const CHANGED_AT_ONCE = 1_024
/** Pages that one transaction looks at. */
const SEEN_AT_ONCE = 16_384
/** Changed pages that the file does not have yet: 16 MiB of the log. */
const PAGES_AHEAD = 4_096
/** Pages that one call punches: so long a checkpoint may have to wait. */
const PUNCHED_AT_ONCE = 16_384
/** Readers are given so many times so long. */
const READER_TRIES = 20
const READER_PAUSE_MS = 50
/** The unit of `stat.blocks`. */
const BLOCK_BYTES = 512
const DOING = 'compacting in place'

/** What is done bit by bit, each in a transaction. */
interface Work {
  readonly isOver: boolean
  look(): void
  some(limit: number, seenLimit: number): number
}

class GiveBack {
  private readonly clearing: FreeClearing
  /** The last commit that the work knows the free space of. */
  private epoch = 0
  /** Pages changed since the file was last known to have all of them. */
  private ahead = 0
  private punched = 0

  /** @param patienceMs how long it waits for the write lock once it has had it */
  constructor(
    private readonly holder: View,
    private readonly patienceMs: number,
    private readonly options: CompactOptions,
  ) {
    this.clearing = new FreeClearing(holder.space)
  }

  /** G4. */
  async tail(timeoutMs: number): Promise<void> {
    const { holder } = this
    holder.beginLong(timeoutMs)
    try {
      check(await holder.native.punchTail(), holder.path, DOING)
    } catch (error) {
      throw isUnsupported(error) ? noHoles(holder.path) : error
    } finally {
      holder.rollback()
      holder.unpin()
    }
  }

  /** G1, G2. */
  async clear(): Promise<void> {
    if (await this.through(new PageMerger(this.holder.space))) await this.through(this.clearing)
    await this.checkpoint()
  }

  /** False when a reader holds the file back. */
  private async through(work: Work): Promise<boolean> {
    this.epoch = 0
    do {
      this.ahead += this.transaction(work)
      await this.pause()
      if (this.ahead >= PAGES_AHEAD && !(await this.fileFollows())) return false
    } while (!work.isOver)
    return true
  }

  /** Gives how many pages it changed. */
  private transaction(work: Work): number {
    const { holder } = this
    holder.begin(this.patienceMs)
    let open = true
    try {
      if (holder.epoch !== this.epoch) work.look()
      const changed = work.some(CHANGED_AT_ONCE, SEEN_AT_ONCE)
      holder.space.checkFault()
      if (changed > 0) {
        holder.commit(false)
        open = false
      }
      return changed
    } finally {
      if (open) holder.rollback()
      this.epoch = holder.epoch
    }
  }

  /** Whether the file can be brought to the last change. */
  private async fileFollows(): Promise<boolean> {
    for (let tries = 0; tries < READER_TRIES; tries++) {
      if (tries > 0) await sleep(READER_PAUSE_MS)
      await this.checkpoint()
      if (this.holder.native.stats().checkpointEpoch < this.epoch) continue
      this.ahead = 0
      return true
    }
    return false
  }

  private async checkpoint(): Promise<void> {
    this.holder.unpin()
    await this.holder.checkpoint(DOING)
    this.options.signal?.throwIfAborted()
  }

  /** G3. */
  async punch(): Promise<void> {
    const { holder } = this
    holder.refresh()
    const runs = freeRuns(holder.space)
    holder.space.checkFault()
    holder.unpin()
    for (const { numbers, count } of piecesOf(runs)) {
      check(await holder.native.punchZeroPages(Uint32Array.from(numbers)), holder.path, DOING)
      this.punched += count
      await this.pause()
    }
    const { total } = this.clearing
    this.options.onProgress?.(2 * total, 2 * total)
    this.options.signal?.throwIfAborted()
  }

  /** Half of it is clearing, half is punching. */
  private async pause(): Promise<void> {
    const total = 2 * this.clearing.total
    this.options.onProgress?.(Math.min(this.clearing.done + this.punched, total), total)
    await new Promise(setImmediate)
    this.options.signal?.throwIfAborted()
  }
}

interface Piece { readonly numbers: number[]; readonly count: number }

/** The runs, as the native layer takes them, in pieces of a bounded number of pages. */
function* piecesOf(runs: readonly PageRun[]): Generator<Piece> {
  let numbers: number[] = []
  let count = 0
  for (const run of runs) {
    for (let done = 0; done < run.count;) {
      const pages = Math.min(run.count - done, PUNCHED_AT_ONCE - count)
      numbers.push(run.first + done, pages)
      done += pages
      count += pages
      if (count < PUNCHED_AT_ONCE) continue
      yield { numbers, count }
      numbers = []
      count = 0
    }
  }
  if (count > 0) yield { numbers, count }
}

const isUnsupported = (error: unknown): boolean =>
  error instanceof RStoreError && error.code === 'RSTORE_UNSUPPORTED'

const noHoles = (path: string): RStoreError => new RStoreError('RSTORE_UNSUPPORTED',
  `${DOING} ${path}: its file system cannot give back a part of a file. Nothing was changed. `
  + 'Compact it by a copy (without inPlace)', { path })

const bytesOnDisk = (path: string): number =>
  asking(path, DOING, () => statSync(path)).blocks * BLOCK_BYTES

/** See Region.compact. A handle of its own does it, so that whatever reads goes on. */
export async function giveBack(
  session: RegionSession, checked: CheckedOptions, options: CompactOptions,
): Promise<Compacted> {
  const { timeoutMs = checked.timeoutMs } = options
  const before = bytesOnDisk(session.path)
  const patienceMs = Math.max(timeoutMs, checked.timeoutMs)
  const holder = new View(session.path, { ...checked.native, timeoutMs: patienceMs })
  try {
    const work = new GiveBack(holder, patienceMs, options)
    await work.tail(timeoutMs)
    await checkSource({ session }, options.signal)
    await work.clear()
    await work.punch()
    session.view.cutWhenClosed()
    return { before, after: bytesOnDisk(session.path) }
  } finally {
    holder.close()
  }
}
