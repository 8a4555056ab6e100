/** The same records as a packed region, as an lmdb-js database and as JSON. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { Region, t, type Infer } from '../../lib/index.js'
import { requirePeer } from './peers.js'

export type SnapshotKind = 'packed' | 'json' | 'lmdb'

const TEXT_BYTES = 4000
export const Page = t.struct('Page', { title: t.string, number: t.u32, text: t.string })
export const Snapshot = t.struct('Snapshot', { pages: t.map(t.u32, Page) })

const text = 'The quick brown fox jumps over the lazy dog. '.repeat(100).slice(0, TEXT_BYTES)
const pageOf = (number: number) => ({ title: `page ${number}`, number, text })

function writePacked(path: string, count: number): void {
  const init = (_: unknown, root: Infer<typeof Snapshot>): Infer<typeof Snapshot> => {
    for (let i = 0; i < count; i++) root.pages.set(i, pageOf(i))
    return root
  }
  Region.pack(path, { root: Snapshot, capacity: '8GiB' }, init)!.close()
}

function writeJson(path: string, count: number): void {
  const fd = openSync(path, 'w')
  for (let i = 0; i < count; i++) {
    writeSync(fd, `${i === 0 ? '{' : ','}"${i}":${JSON.stringify(pageOf(i))}`)
  }
  writeSync(fd, '}')
  closeSync(fd)
}

export const openLmdb = (path: string, options: object = {}): any =>
  requirePeer('lmdb').open({ path, noSubdir: true, ...options })
export const pagesOf = (environment: any): any =>
  environment.openDB('pages', { keyEncoding: 'uint32' })

async function writeLmdb(path: string, count: number): Promise<void> {
  const environment = openLmdb(path, { noSync: true, mapSize: 8 * 2 ** 30 })
  const pages = pagesOf(environment)
  for (let first = 0; first < count; first += 10_000) {
    pages.transactionSync(() => {
      for (let i = first; i < Math.min(count, first + 10_000); i++) pages.putSync(i, pageOf(i))
    })
  }
  await environment.close()
}

/** Gives the number of records. */
export async function writeSnapshot(
  kind: SnapshotKind,
  path: string,
  megabytes: number,
): Promise<number> {
  const count = Math.ceil((megabytes * 2 ** 20) / TEXT_BYTES)
  if (kind === 'packed') writePacked(path, count)
  else if (kind === 'json') writeJson(path, count)
  else await writeLmdb(path, count)
  return count
}
