/**
 * A live region that is filled from another one, without transactions, under a temporary name that
 * nobody opens; when it is complete it gets a name, in one step. For compaction and repair.
 */
import { check } from '../../native/status.js'
import { PackSession } from '../packed/pack-session.js'

const SUFFIX = '.compact.tmp'

/** Those that have a temporary name: where the process exits amid them nobody else removes it. */
const unfinished = new Set<LiveCopy>()

function discardUnfinished(): void {
  for (const copy of unfinished) copy.discard()
}

/** What the complete file says that it is. */
export interface CopyIdentity {
  /** Zeros for a region of its own. */
  readonly uuid: Uint8Array
  readonly generation: number
  readonly epoch: number
}

const UUID_BYTES = 16
/** Of a copy that is a region of its own. */
export const NEW_REGION: CopyIdentity = {
  uuid: new Uint8Array(UUID_BYTES), generation: 1, epoch: 1,
}

export class LiveCopy extends PackSession {
  /** For messages: 'compacting to', 'repairing into'. */
  private doing = ''

  /** What a killed one left is removed. Throws RSTORE_BUSY when another one is under way. */
  static beside(path: string, capacityBytes: number, doing: string): LiveCopy {
    const temporary = path + SUFFIX
    const copy = PackSession.beginTemporary(temporary, capacityBytes, doing, (writer, opened) =>
      new LiveCopy(temporary, writer, opened)) as LiveCopy
    copy.doing = doing
    return copy
  }

  /** The file under its temporary name, complete. */
  finish(like: string, { uuid, generation, epoch }: CopyIdentity): void {
    this.leave()
    this.space.prepareCommit()
    const { frontierUnits } = this.space
    this.revoke()
    check(this.writer.finishLive(like, uuid, generation, epoch, frontierUnits), this.label,
      this.doing)
  }

  nameIt(path: string): void {
    check(this.writer.nameLive(path), path, this.doing)
  }

  /**
   * Runs what fills it, finishes it and gives it its name; however that ends, by process.exit(),
   * too, nothing is left under the temporary name. It is discarded from the moment `signal`
   * aborts: what the work meets then is not the reason.
   */
  async during<R>(signal: AbortSignal | undefined, work: () => Promise<R>): Promise<R> {
    const discard = (): void => this.discard()
    signal?.addEventListener('abort', discard)
    if (unfinished.size === 0) process.on('exit', discardUnfinished)
    unfinished.add(this)
    try {
      signal?.throwIfAborted()
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', discard)
      this.discard()
      unfinished.delete(this)
      if (unfinished.size === 0) process.off('exit', discardUnfinished)
    }
  }
}
