/**
 * One process of the torture: writes or reads until it is told to stop, or killed.
 *
 *   torture-member.js PATH writer|reader SEED
 */
import { Region, type ReadOnlyRegion, type Snapshot } from 'rstore'
import { heard, say } from '../harness/child.js'
import { nextTurn } from '../harness/until.js'
import { ACCOUNTS, accountsOf, blobsOf, checkBank, logOf } from './bank.js'
import { machineMs, waitedMs } from './clocks.js'
import { Random } from './random.js'

const [, , path, role, seed] = process.argv as [string, string, string, string, string]
const random = new Random(Number(seed))
/** The journal keeps about so many entries. */
const KEPT = 2000

let stopping = false
/** What was acknowledged before the parent said so: the next read must show it. */
let floor = 0

async function listen(): Promise<void> {
  for await (const { stop, acknowledged } of heard()) {
    stopping ||= stop === true
    floor = Math.max(floor, acknowledged ?? 0)
  }
}

// ── writing ──

/** When the last transaction had the lock. */
let heldMs = 0

function work(region: Region, tag: string): number {
  heldMs = machineMs()
  const [accounts, log, blobs] = [accountsOf(region), logOf(region), blobsOf(region)]
  const n = (log.last()?.[0] ?? 0) + 1
  const amount = random.below(100)
  accounts.update(random.below(ACCOUNTS), (old) => old! - amount)
  accounts.update(random.below(ACCOUNTS), (old) => old! + amount)
  log.set(n, `${n}:${tag}`)
  if (random.below(10) === 0)
    blobs.set(random.below(6), new Uint8Array(random.below(150_000)).fill(n))
  if (n % 50 === 0) log.clear({ lt: Math.max(0, n - KEPT) })
  return n
}

function fail(region: Region): void {
  try {
    region.transact(() => {
      accountsOf(region).set(random.below(ACCOUNTS), 1e9)
      throw new Error('as meant')
    })
  } catch (error) {
    if ((error as Error).message !== 'as meant') throw error
  }
}

let waitedBefore = waitedMs()

async function writeOnce(region: Region, tag: string): Promise<void> {
  const begunMs = machineMs()
  const isPromised = random.below(4) === 0
  const durability = isPromised || random.below(10) === 0 ? 'sync' : 'none'
  const n = isPromised ? await region.write(() => work(region, tag))
    : region.transact(() => work(region, tag), { durability })
  const endedMs = durability === 'sync' ? heldMs : machineMs()
  const waited = waitedMs()
  say({ committed: n, tag, begunMs, endedMs, lagMs: waited - waitedBefore })
  waitedBefore = waited
}

async function write(): Promise<void> {
  let region = Region.open(path, { logBytes: '2MiB' })
  for (let count = 0; !stopping; count++) {
    await writeOnce(region, `${process.pid}.${count}`)
    if (random.below(10) === 0) fail(region)
    if (random.below(300) === 0) await region.checkpoint()
    if (random.below(500) === 0) {
      region.close()
      region = Region.open(path, { logBytes: '2MiB' })
    }
    await nextTurn()
  }
  region.close()
}

// ── reading ──

let newest = 0

/** Commits never go back, and what was acknowledged is there. */
function look(region: ReadOnlyRegion | Snapshot, least: number): void {
  const last = checkBank(region)
  if (last < least || last < newest)
    throw new Error(`showed ${last} after ${Math.max(least, newest)}`)
  newest = last
}

async function holdSnapshot(region: ReadOnlyRegion): Promise<void> {
  const snapshot = region.snapshot()
  const first = checkBank(snapshot)
  const until = performance.now() + random.below(300)
  while (performance.now() < until && !stopping) {
    await nextTurn()
    const again = checkBank(snapshot)
    if (again !== first) throw new Error(`a snapshot moved from ${first} to ${again}`)
  }
  snapshot.close()
}

async function read(): Promise<void> {
  let region = Region.open(path, { readOnly: true, privateBytes: '2MiB' })
  while (!stopping) {
    const least = floor
    const kind = random.below(10)
    if (kind < 6) region.read(() => look(region, least))
    else if (kind < 8) look(region, 0)
    else if (kind === 8) await holdSnapshot(region)
    else if (random.below(10) === 0) {
      region.close()
      region = Region.open(path, { readOnly: true })
      look(region, least)
    }
    await nextTurn()
    say({ read: newest })
  }
  region.close()
}

void listen()
await (role === 'writer' ? write() : read())
process.exit(0)
