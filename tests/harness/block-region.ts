/**
 * The same tests over block regions: a test file that sets RSTORE_TEST_REGION to "blocks" and then
 * imports another one runs all of that one's tests over blocks of a pool.
 */
import * as assert from 'uvu/assert'
import type { Catalog } from '../../lib/map/catalog.js'
import { BlockSession } from '../../lib/pool/block-session.js'
import { BlockSpace } from '../../lib/pool/block-space.js'
import { Pool } from '../../lib/pool/pool.js'
import { verifyBlocks } from '../../lib/pool/verify.js'
import type { EndReason } from '../../lib/types/context.js'

class SameTestsSession extends BlockSession {
  transact<R>(fn: () => R): R {
    return this.atomically(fn)
  }
  end(reason: EndReason): void {
    this.endViews(reason)
  }
}

/** A space in the thread's pool; undefined when tests run over contiguous spaces. */
export function blockSpace(): BlockSpace | undefined {
  if (process.env['RSTORE_TEST_REGION'] !== 'blocks') return undefined
  return new BlockSpace(Pool.default.sessions.core, Infinity)
}

export function blockSession(): SameTestsSession | undefined {
  const space = blockSpace()
  if (space === undefined) return undefined
  const session = new SameTestsSession(Pool.default.sessions, space)
  Pool.default.sessions.add(session)
  return session
}

/** Every live cell can be reached from a name, once; nothing is damaged; every byte is known. */
export function assertBlocksSound(session: BlockSession, catalog: Catalog): void {
  const { problems, bytes } = verifyBlocks(session, catalog, {}, false)
  assert.equal(problems, [])
  assert.is(bytes.leaked, 0, 'bytes leaked')
  assert.is(bytes.unknown, 0, 'bytes unknown')
  assert.is(bytes.live + bytes.free, session.stats().privateBytes, 'bytes in all')
}
