/**
 * A child whose disk takes its time for every sync: slow-syncs-child.js PATH. It does what waits
 * for the disk, one after the other, while a timer looks which sync is under way.
 */
import { Region, t } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { say } from '../harness/child.js'
import { until, wait } from '../harness/until.js'

interface TestIo {
  start(plan: string): void
  stop(): void
  state(): { syncs: number; slowSyncs: number }
}

const path = process.argv[2]!
const { testIo } = addon() as unknown as { testIo: TestIo }
const TICK_MS = 5
const QUIET_TICKS = 10

/** How many ticks saw each sync while it was slow, in the order of the syncs. */
async function ticksOf(work: () => Promise<unknown>): Promise<number[]> {
  const ticks: number[] = []
  let quiet = 0
  const timer = setInterval(() => {
    const { syncs, slowSyncs } = testIo.state()
    quiet = slowSyncs > 0 ? 0 : quiet + 1
    if (slowSyncs > 0) ticks[syncs - 1] = (ticks[syncs - 1] ?? 0) + 1
  }, TICK_MS)
  testIo.start('slow:ms=120@s1+')
  await work()
  for (quiet = 0; quiet < QUIET_TICKS;) await wait(TICK_MS)  // a checkpoint may have begun
  clearInterval(timer)
  const { syncs } = testIo.state()
  testIo.stop()
  return Array.from({ length: syncs }, (_, sync) => ticks[sync] ?? 0)
}

const COUNT = 100_000
const region = Region.create(path, { capacity: '64MiB', logBytes: '1MiB' })
const numbers = region.map('numbers', t.u32, t.f64)
const blobs = region.map('blobs', t.u32, t.bytes)
const other = reopened(`${path}.other`)

/** A region that nobody has written to since it was opened: it has no log. */
function reopened(name: string): Region {
  const made = Region.create(name, { capacity: '1MiB' })
  made.transact(() => made.value('value', t.u32).set(1))
  made.close()
  return Region.open(name)
}

/** 800 KB in the log. */
function setAll(value: number): void {
  for (let i = 0; i < COUNT; i++) numbers.set(i, value)
}

function setUnsynced(count: number, value: number): void {
  for (let i = 0; i < count; i++) {
    region.transact(() => numbers.set(i, value), { durability: 'none' })
  }
}

const WORK: Record<string, () => Promise<unknown>> = {
  'write() that begins the log': () => other.write(() => other.value('value', t.u32).set(2)),
  'write()': () => region.write(() => numbers.set(1, 1)),
  'write() of much that is new': () => region.write(() => {
    for (let i = 0; i < 30; i++) blobs.set(i, new Uint8Array(100_000).fill(i))
  }),
  'flush()': () => {
    setUnsynced(10, 2)
    return region.flush()
  },
  'checkpoint()': () => {
    setUnsynced(10, 3)
    return region.checkpoint()
  },
  'a checkpoint that is due': async () => {
    region.transact(() => setAll(4), { durability: 'none' })
    await until('a checkpoint has begun', () => testIo.state().syncs > 0)
    setUnsynced(10, 5)
  },
  'write() with a full log, behind a checkpoint under way': async () => {
    region.transact(() => setAll(6), { durability: 'none' })
    await region.write(() => setAll(7))
  },
  'backup()': () => region.backup(`${path}.backup`),
}

region.transact(() => setAll(0))
await region.checkpoint()
for (const [work, fn] of Object.entries(WORK)) {
  say({ work, ticks: await ticksOf(fn) })
  await region.checkpoint()
}
region.close()
other.close()
