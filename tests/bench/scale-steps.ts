/**
 * One step of `npm run bench:scale`, in a process of its own: small records (two numbers) under
 * ascending numbers, by rstore and by lmdb-js.
 */
import { performance } from 'node:perf_hooks'
import { join } from 'node:path'
import { argv } from 'node:process'
import { picksBelow, randomNumbers } from './random.js'
import { requirePeer } from './peers.js'

export interface Step {
  driver: 'rstore' | 'lmdb'
  operation: 'insert' | 'rest'
  records: number
  directory: string
  seed: number
}

interface Pair { first: number; second: number }

interface Pairs {
  load(records: number): void
  get(keys: Uint32Array): number
  scan(): number
  close(): unknown
}

const GETS = 300_000
const TRANSACTION = 1_000_000
const pairOf = (key: number): Pair => ({ first: key, second: key * 7 >>> 0 })

async function openRegion({ directory, operation, records }: Step): Promise<Pairs> {
  const { Region, t } = await import('../../lib/index.js')
  const path = join(directory, 'pairs.region')
  const capacity = records > 3e7 ? '16GiB' as const : '4GiB' as const
  const region = operation === 'insert'
    ? Region.create(path, { capacity, durability: 'none' }) : Region.open(path)
  const pairs = region.map('pairs', t.u32, t.struct('Pair', { first: t.u32, second: t.u32 }))
  return {
    load(count) {
      for (let from = 0; from < count; from += TRANSACTION) {
        region.transact(() => {
          const to = Math.min(count, from + TRANSACTION)
          for (let key = from; key < to; key++) pairs.set(key + 1, pairOf(key))
        })
      }
    },
    get(keys) {
      let sum = 0
      for (let at = 0; at < keys.length; at++) sum += pairs.get(keys[at]!)!.first
      return sum
    },
    scan() {
      let sum = 0
      for (const pair of pairs.values()) sum += pair.first
      return sum
    },
    close: () => region.close(),
  }
}

function openLmdb({ directory }: Step): Pairs {
  const environment = requirePeer('lmdb').open({
    path: join(directory, 'data.mdb'), noSubdir: true, noSync: true, noMemInit: true,
    overlappingSync: false,
  })
  const db = environment.openDB('pairs', { keyEncoding: 'uint32', sharedStructuresKey: 0 })
  return {
    load(count) {
      for (let from = 0; from < count; from += TRANSACTION) {
        db.transactionSync(() => {
          const to = Math.min(count, from + TRANSACTION)
          for (let key = from; key < to; key++) db.putSync(key + 1, pairOf(key), { append: true })
        })
      }
    },
    get(keys) {
      let sum = 0
      for (let at = 0; at < keys.length; at++) sum += db.get(keys[at]).first
      return sum
    },
    scan() {
      let sum = 0
      for (const { value } of db.getRange({ start: 1 })) sum += value.first
      return sum
    },
    close: () => environment.close(),
  }
}

const open = (step: Step): Promise<Pairs> | Pairs =>
  step.driver === 'rstore' ? openRegion(step) : openLmdb(step)

/** Nanoseconds for each of `count`. */
function each(count: number, run: () => unknown): number {
  const begun = performance.now()
  run()
  return (performance.now() - begun) * 1e6 / count
}

async function insert(step: Step): Promise<number[]> {
  const pairs = await open(step)
  const cost = each(step.records, () => pairs.load(step.records))
  await pairs.close()
  return [cost]
}

/** To the first answer; then a random get, and an entry of a scan. */
async function rest(step: Step): Promise<number[]> {
  if (step.driver === 'rstore') await import('../../lib/index.js')
  else requirePeer('lmdb')
  const begun = performance.now()
  const pairs = await open(step)
  pairs.get(Uint32Array.of(1 + step.seed % step.records))
  const opened = (performance.now() - begun) * 1e6
  const keys = picksBelow(step.records, GETS, randomNumbers(step.seed)).map((index) => index + 1)
  pairs.get(keys.map((key) => step.records + 1 - key))
  const get = each(GETS, () => pairs.get(keys))
  if (step.records < 1e6) for (let pass = 0; pass < 3e6 / step.records; pass++) pairs.scan()
  const scan = each(step.records, () => pairs.scan())
  await pairs.close()
  return [opened, get, scan]
}

const step = JSON.parse(argv[2]!) as Step
console.log(JSON.stringify(await (step.operation === 'insert' ? insert(step) : rest(step))))
