/**
 * Arrays that were given to functions of Node which work in a thread of their own, and which still
 * read when the handle is closed: what they give is worth nothing, but the process goes on. F10 and
 * F11 of native/src/core/fault.h.
 */
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { deflate } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, t } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('lent arrays')
const Item = t.struct('Item', { bytes: t.bytes })
const Root = t.map(t.u32, Item)
const COUNT = 4
const ROUNDS = 10
const LENGTH = 1_000_000

interface Items {
  get(key: number): { readonly bytes: unknown } | undefined
}

interface Opened {
  close(): void
  /** Calls `use` where arrays are read in place. */
  lend(use: (items: Items) => void): void
}

function fill(items: { set(key: number, item: { bytes: Uint8Array }): unknown }): void {
  const bytes = Uint8Array.from({ length: LENGTH }, (_, i) => Math.imul(i, 2_654_435_761) >>> 23)
  for (let i = 0; i < COUNT; i++) items.set(i, { bytes })
}

function openLive(path: string): Opened {
  const region = Region.open(path)
  const items = region.map('items', t.u32, Item)
  return { close: () => region.close(), lend: (use) => region.read(() => use(items)) }
}

function openSnapshot(path: string): Opened {
  const region = Region.open(path)
  const snapshot = region.snapshot()
  const close = (): void => {
    snapshot.close()
    region.close()
  }
  return { close, lend: (use) => use(snapshot.map('items', t.u32, Item)) }
}

function openPacked(path: string): Opened {
  const packed = Packed.load(path, { root: Root })
  return { close: () => packed.close(), lend: (use) => use(packed.root) }
}

/** In one piece: before a second one Node looks at the array again, which is detached then. */
const deflated = (bytes: Uint8Array): Promise<boolean> => new Promise((resolve) =>
  deflate(bytes, { level: 1, chunkSize: 2 * LENGTH }, (error) => resolve(error === null)))

async function closeWhileRead(opened: Opened, afterMs: number): Promise<void> {
  const results: Promise<boolean>[] = []
  opened.lend((items) => {
    for (let i = 0; i < COUNT; i++) results.push(deflated(items.get(i)!.bytes as Uint8Array))
  })
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  opened.close()
  for (const result of results) assert.type(await result, 'boolean')
}

for (const [kind, open] of Object.entries({ openLive, openSnapshot, openPacked })) {
  test(`${kind}: closed, and opened again in the same place, while they are read`, async () => {
    const path = join(temporaryDirectory(), 'file')
    if (open === openPacked) {
      const init = (_region: unknown, root: Parameters<typeof fill>[0]): any => {
        fill(root)
        return root
      }
      ;(Region.pack(path, { root: Root }, init) as any).close()
    } else {
      const region = Region.create(path, { capacity: '64MiB' })
      region.transact(() => fill(region.map('items', t.u32, Item)))
      region.close()
    }
    for (let round = 0; round < ROUNDS; round++) {
      await closeWhileRead(open(path), round % 4)
    }
    const last = open(path)
    last.lend((items) => {
      assert.is((items.get(3)!.bytes as Uint8Array).length, LENGTH)
      truncateSync(path, 2.5 * LENGTH)
    })
    await closeWhileRead({ ...last, lend: (use) => cutOff(() => last.lend(use)) }, 2)
  })
}

/** Reading what was cut off throws, or gives zeros. */
function cutOff(read: () => void): void {
  try {
    read()
  } catch (error) {
    assert.is((error as { code?: string }).code, 'RSTORE_IO')
  }
}

test.run()
