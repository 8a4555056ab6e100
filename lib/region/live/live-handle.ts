/**
 * What handles on a live file share: reading on one epoch, snapshots, news of commits, the list of
 * readers.
 */
import { RStoreError } from '../../errors.js'
import type { ReaderInfo } from '../../native/binding.js'
import type { CheckedOptions } from '../base/options.js'
import { owning } from '../base/owning.js'
import { EpochFeed } from './epochs.js'
import { IdleView } from './idle-view.js'
import type { RegionSession } from './session.js'
import { Snapshot } from './snapshot.js'
import { View } from './view.js'

function replacedMeanwhile({ path, epoch }: View): RStoreError {
  return new RStoreError('RSTORE_REPLACED',
    `taking a snapshot of ${path}: the file was compacted since this read() began, and what it `
    + 'shows has no name any more. Take the snapshot outside of read()', { path, epoch })
}

/** Releases what snapshots held that nobody closed. It outlives the handles they were taken of. */
const forgotten = new FinalizationRegistry<() => void>((release) => release())

export class LiveHandle {
  private readonly feed: EpochFeed
  /** Open ones, weakly: the garbage collector closes one that is forgotten, as it does a region. */
  private readonly snapshots = new Set<WeakRef<RegionSession>>()
  private snapshotLimit = 64
  private readonly idle = new IdleView()

  constructor(
    private readonly session: RegionSession,
    private readonly options: CheckedOptions,
  ) {
    this.feed = new EpochFeed(session.view.native, session.view.path, () => this.follow())
  }

  read<R>(fn: () => R): R {
    if (typeof fn !== 'function') throw new TypeError('read needs a function')
    return this.session.read(fn)
  }

  snapshot(): Snapshot {
    const { view, release } = this.viewOfThisCommit()
    const leave = (left: View): void => {
      release()
      this.idle.give(left)
    }
    const snapshot = owning({ close: () => leave(view) }, () =>
      new Snapshot(view, this.session, { leave, release }))
    this.note(snapshot)
    forgotten.register(snapshot.session, release)
    return snapshot
  }

  /** By its session: that lives on in maps and views of a snapshot that is forgotten itself. */
  private note(snapshot: Snapshot): void {
    const { snapshots } = this
    if (snapshots.size === this.snapshotLimit) {
      for (const known of snapshots) if (known.deref() === undefined) snapshots.delete(known)
      this.snapshotLimit = Math.max(64, 2 * snapshots.size)
    }
    const session = new WeakRef(snapshot.session)
    snapshots.add(session)
    snapshot.onClose = () => snapshots.delete(session)
  }

  /** Begins again when the file was replaced by a compacted one in between. */
  private viewOfThisCommit(): { view: View, release: () => void } {
    const { session, options } = this
    const { view } = session
    for (;;) {
      if (!session.isReading) session.refresh()
      session.enter()
      let release: (() => void) | undefined
      try {
        release = session.holdSnapshot()
        const pinned = this.idle.take(view.epoch) ?? new View(view.path, options.native, view.epoch)
        return { view: pinned, release }
      } catch (error) {
        release?.()
        if (!view.native.isReplaced()) throw error
        if (session.isReading) throw replacedMeanwhile(view)
      }
    }
  }

  /** An idle handle moves over, too: nothing else would wake it. */
  private follow(): void {
    if (!this.session.isClosed && !this.session.isReading) this.session.tryRefresh()
  }

  epochs(signal?: AbortSignal): AsyncIterable<number> {
    this.session.assertOpen()
    return this.feed.epochs(this.session.view.epoch, signal)
  }

  readers(): ReaderInfo[] {
    this.session.assertOpen()
    return this.session.view.native.readers()
  }

  close(): void {
    this.feed.close()
    this.idle.end()
    for (const session of this.snapshots) session.deref()?.close()
    this.snapshots.clear()
  }
}
