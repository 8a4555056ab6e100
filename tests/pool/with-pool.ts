/** A pool for a test: at the end every block has to have come back. */
import * as assert from 'uvu/assert'
import { Pool, type PoolOptions } from '../../lib/index.js'

/** One pool for all tests of a process: each has 32 GiB of addresses. */
let shared: Pool | undefined

export function assertAllBack(pool: Pool): void {
  const { regionsLive, blocksLive, blocksShared, largeLiveBytes, wastedBytes } = pool.stats()
  assert.equal({ regionsLive, blocksLive, blocksShared, largeLiveBytes, wastedBytes },
    { regionsLive: 0, blocksLive: 0, blocksShared: 0, largeLiveBytes: 0, wastedBytes: 0 })
}

export const withPool = (body: (pool: Pool) => void | Promise<void>, options?: PoolOptions) =>
  async (): Promise<void> => {
    const pool = options === undefined ? (shared ??= new Pool()) : new Pool(options)
    await body(pool)
    assertAllBack(pool)
  }
