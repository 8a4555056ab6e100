/**
 * A snapshot: a view of its own, pinned at one commit for as long as it is held. It neither waits
 * for writers nor makes them wait, but it holds the log back. Where writers limit the age of
 * snapshots it may be revoked: then every use throws RSTORE_SNAPSHOT_REVOKED.
 */
import { C } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import type { Ref } from '../../space/ref.js'
import type { EndReason } from '../../types/context.js'
import type { PackedType } from '../../types/packed/packed.js'
import { LentBuffers } from '../base/lent-buffers.js'
import { ReadRegion } from '../base/read-region.js'
import { RegionSession } from './session.js'
import type { View } from './view.js'

/** What becomes of what a snapshot had. */
interface Ends {
  /** It was closed. */
  leave(view: View): void
  /** It shows nothing any more. Called once or twice. */
  release(): void
}

/** One lease from beginning to end. */
class SnapshotSession extends RegionSession {
  private readonly lent = new LentBuffers()

  constructor(
    view: View,
    private readonly parent: RegionSession,
    private readonly ends: Ends,
  ) {
    super(view, true)
  }

  protected override leaveView(): void {
    this.ends.leave(this.view)
  }

  protected override endLease(reason: EndReason): void {
    super.endLease(reason)
    this.lent.end()
  }

  override readPacked(type: PackedType, regionId: number, root: number): unknown {
    return this.parent.readPacked(type, regionId, root)
  }

  /** The pin is for good, so no turn ends it. */
  protected override endTurnSoon(): void {}

  /** Where the lease has ended, the snapshot was closed or revoked. */
  override refresh(): void {
    this.assertOpen()
    this.leave()
  }

  /**
   * Every read ends with a look at the fault word: what a checkpoint did to a revoked pin's pages
   * is not returned.
   */
  protected override throwFault(): void {
    this.assertOpen()
    const faults = this.faults[0]!
    const isRevoked = (faults & C.FAULT_REVOKED) !== 0 && this.view.native.isRevoked()
    if (!isRevoked && faults !== C.FAULT_REVOKED) super.throwFault()
    if (!isRevoked) return
    this.endLease('revoked')
    this.ends.release()
    throw new RStoreError('RSTORE_SNAPSHOT_REVOKED',
      `the snapshot of ${this.view.path} held the redo log back for too long and was revoked. `
      + 'Take a new one, or raise maxSnapshotAgeMs where the region is written',
      { path: this.view.path, epoch: this.view.epoch })
  }

  /** A snapshot that gives out memory in place can be revoked no more. */
  override externalView(ref: Ref, offset: number, bytes: number): ArrayBuffer | null {
    if (!this.view.native.keepSnapshot()) this.throwFault()
    return this.lent.take(ref, bytes, () => this.unleasedBuffer(ref, offset, bytes))
  }
}

const CLOSING: Ends = { leave: (view) => view.close(), release: () => {} }

export class Snapshot extends ReadRegion {
  declare readonly session: RegionSession
  /** The commit that it shows, or showed: its view may be another snapshot's by now. */
  readonly epoch: number

  /** @internal */
  constructor(view: View, parent: RegionSession, ends: Ends = CLOSING) {
    super(new SnapshotSession(view, parent, ends))
    this.epoch = view.epoch
  }

  /** @internal */
  onClose: () => void = () => {}

  override close(): void {
    if (!this.session.isClosed) this.onClose()
    super.close()
  }
}
