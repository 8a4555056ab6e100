/**
 * A child that commits small transactions for ever, and says each number when its commit has
 * returned.
 *
 * Transaction n: entries n in 'log'; moves one unit from account a to account b; sometimes a large
 * value, so many that the file grows by a tail that is not in the log, a savepoint that fails, or a
 * whole transaction that throws.
 */
import { Region } from 'rstore'
import { say } from '../harness/child.js'
import { ACCOUNTS, accountsOf, blobsOf, logOf } from './bank.js'

const [, , path, seed] = process.argv as [string, string, string, string]
const region = Region.open(path, { logBytes: '1MiB' })
const [accounts, log, blobs] = [accountsOf(region), logOf(region), blobsOf(region)]

let state = Number(seed) >>> 0 || 1
const random = (below: number): number => {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % below
}

function work(n: number): void {
  const [from, to] = [random(ACCOUNTS), random(ACCOUNTS)]
  accounts.update(from, (old) => old! - 1)
  accounts.update(to, (old) => old! + 1)
  log.set(n, `${n}:${from}>${to}`)
  if (n % 16 === 0) blobs.set(random(8), new Uint8Array(random(200_000)).fill(n))
  if (n % 32 === 0) log.clear({ lt: Math.max(0, n - 500) })
  if (n % 12 === 5) addBlobs(n)
  if (n % 8 === 0) failInside()
}

function addBlobs(n: number): void {
  for (let k = 0; k < 25; k++) {
    blobs.set(100 + (n * 25 + k) % 400, new Uint8Array(15_000 + random(15_000)).fill(n))
  }
}

function failInside(): void {
  try {
    region.transact(() => {
      accounts.update(0, (old) => old! + 1_000_000)
      throw new Error('a savepoint that fails')
    })
  } catch {
    return
  }
}

for (let n = (log.last()?.[0] ?? 0) + 1; ; n++) {
  const durability = random(20) === 0 ? 'sync' : 'none'
  if (n % 11 === 0) {
    try {
      region.transact(() => {
        accounts.set(1, 9_999_999)
        throw new Error('a transaction that fails')
      })
    } catch {
      // as meant
    }
  }
  say({ beginning: n })
  region.transact(() => work(n), { durability })
  say({ committed: n })
}
