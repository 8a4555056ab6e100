/** The sessions of a pool: which there are, which were sealed, and which were forgotten. */
import type { BlockSession } from './block-session.js'
import type { PoolCore } from './core.js'
import type { Holdings } from './holdings.js'
import { TypesSession } from './types-session.js'

export class PoolSessions {
  readonly types: TypesSession
  /** Regions that are alive. */
  live = 0
  /** Regions that were forgotten without `free`. */
  leaked = 0
  /** Held weakly: they may be forgotten. */
  private readonly sealedRegions = new Map<Holdings, WeakRef<BlockSession>>()
  private readonly forgotten: FinalizationRegistry<Holdings>

  constructor(readonly core: PoolCore) {
    this.types = new TypesSession(core)
    this.forgotten = new FinalizationRegistry((holdings) => this.reclaim(holdings))
  }

  add(session: BlockSession): void {
    this.live++
    this.forgotten.register(session, session.space.holdings, session)
  }

  noteSealed(session: BlockSession): void {
    this.sealedRegions.set(session.space.holdings, new WeakRef(session))
  }

  /** It is about to be freed. */
  forget(session: BlockSession): void {
    this.live--
    this.forgotten.unregister(session)
    this.sealedRegions.delete(session.space.holdings)
  }

  private reclaim(holdings: Holdings): void {
    this.live--
    this.leaked++
    this.sealedRegions.delete(holdings)
    holdings.release(true)
  }

  *sealed(): IterableIterator<BlockSession> {
    for (const reference of this.sealedRegions.values()) {
      const session = reference.deref()
      if (session !== undefined) yield session
    }
  }
}
