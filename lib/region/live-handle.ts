/**
 * What handles on a live file share: reading on one epoch, snapshots, news of commits, the list of
 * readers.
 */
import type { ReaderInfo } from '../native/binding.js'
import { EpochFeed } from './epochs.js'
import type { CheckedOptions } from './options.js'
import type { RegionSession } from './session.js'
import { Snapshot } from './snapshot.js'
import { View } from './view.js'

export class LiveHandle {
  private readonly feed: EpochFeed
  private readonly snapshots = new Set<Snapshot>()

  constructor(
    private readonly session: RegionSession,
    private readonly options: CheckedOptions,
  ) {
    this.feed = new EpochFeed(session.view.native)
  }

  read<R>(fn: () => R): R {
    if (typeof fn !== 'function') throw new TypeError('read needs a function')
    return this.session.read(fn)
  }

  snapshot(): Snapshot {
    const { session } = this
    if (!session.isReading) session.refresh()
    session.enter()
    const { view } = session
    const snapshot = new Snapshot(new View(view.path, this.options.native, view.epoch), session)
    this.snapshots.add(snapshot)
    snapshot.onClose = () => this.snapshots.delete(snapshot)
    return snapshot
  }

  epochs(signal?: AbortSignal): AsyncIterable<number> {
    this.session.assertOpen()
    return this.feed.epochs(signal)
  }

  readers(): ReaderInfo[] {
    this.session.assertOpen()
    return this.session.view.native.readers()
  }

  close(): void {
    this.feed.close()
    for (const snapshot of this.snapshots) snapshot.close()
  }
}
