/**
 * What the multi-process tests keep in their region: accounts whose sum never changes, and a log
 * of transactions without gaps.
 */
import * as assert from 'uvu/assert'
import { Region, t, type ReadMap, type RMap } from 'rstore'

export const ACCOUNTS = 100
export const START = 1000

export const accountsOf = (region: Region): RMap<number, number, number> =>
  region.map('accounts', t.u32, t.f64)
export const logOf = (region: Region): RMap<number, string, string> =>
  region.map('log', t.u32, t.string)
export const blobsOf = (region: Region): RMap<number, Uint8Array, Uint8Array> =>
  region.map('blobs', t.u32, t.bytes)

/** A region with its accounts, closed. */
export function makeBank(path: string): void {
  const region = Region.create(path, { capacity: '64MiB' })
  region.transact(() => {
    const accounts = accountsOf(region)
    for (let i = 0; i < ACCOUNTS; i++) accounts.set(i, START)
    logOf(region)
    blobsOf(region)
  })
  region.close()
}

interface AnyRegion {
  map(name: string, key: any, value: any): unknown
}

/** Each byte is what the one before it is: compared without a call for each of ten million. */
const isOfOneByte = (bytes: Uint8Array): boolean =>
  Buffer.compare(bytes.subarray(0, -1), bytes.subarray(1)) === 0

/** Throws when the region shows anything but whole transactions; gives the last one. */
export function checkBank(region: AnyRegion): number {
  const accounts = region.map('accounts', t.u32, t.f64) as ReadMap<number, number>
  let sum = 0
  for (const balance of accounts.values()) sum += balance
  assert.is(sum, ACCOUNTS * START, 'the sum of all accounts')
  assert.is(accounts.size, ACCOUNTS)
  const log = region.map('log', t.u32, t.string) as ReadMap<number, string>
  let previous: number | undefined
  for (const [n, text] of log.entries()) {
    if (previous !== undefined) assert.is(n, previous + 1, 'a gap in the log')
    assert.ok(text.startsWith(`${n}:`), `entry ${n} is "${text}"`)
    previous = n
  }
  for (const blob of (
    region.map('blobs', t.u32, t.bytes) as ReadMap<number, Uint8Array>
  ).values()) {
    assert.ok(isOfOneByte(blob), 'a blob of two transactions')
  }
  return previous ?? 0
}
