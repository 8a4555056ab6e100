/**
 * Compaction: the live graph of a region, copied densely into a new file, which then gets the name
 * of the old one, or another name.
 *
 *  C1. What is copied is a commit that nobody follows: where the copy takes the place of the file,
 *      the write lock is held from before the copy until the new file has the name
 *      (native/src/core/replacement.cc, P1); with another name, it is a snapshot.
 *  C2. Stored types are enough: no program that knows the data is needed. What no name leads to
 *      (records made by `alloc` that nothing refers to) is not copied. Refs and type numbers
 *      change.
 *  C3. The copy is written under a name of its own that nobody opens, verified, and synced; only
 *      then does it get its name, in one step. Whatever fails before leaves everything as it was,
 *      and nothing behind; who is killed leaves a temporary file, which the next compaction
 *      removes.
 *  C4. The new file is of the next generation, and its epoch is higher by one, so that whoever
 *      waits for commits sees it as one.
 */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'

import { RStoreError } from '../../errors.js'
import { Catalog } from '../../map/catalog.js'
import { verifySession } from '../../map/verify/verify.js'
import { asking, check } from '../../native/status.js'
import { OutboundList } from '../../space/outbound.js'
import { copyNames } from '../base/evacuate.js'
import type { CheckedOptions } from '../base/options.js'
import { owning } from '../base/owning.js'
import { aboutCells } from '../base/stats.js'
import { inTurns } from '../base/turns.js'
import type { RegionSession } from '../live/session.js'
import { Snapshot } from '../live/snapshot.js'
import { View } from '../live/view.js'
import { LiveCopy, NEW_REGION, type CopyIdentity } from './live-copy.js'

export interface CompactOptions {
  /**
   * How long the write lock is waited for; with `inPlace`, the first time. Default: the region's
   * timeoutMs.
   */
  timeoutMs?: number
  /**
   * Copy nothing: whole free pages of the file are given back to the file system, where they are.
   * Default: false.
   */
  inPlace?: boolean
  /** Cells and entries copied and verified, of about how many; with `inPlace`, pages. */
  onProgress?(done: number, total: number): void
  /**
   * Ends it with what the signal says; nothing is left behind, from the moment it aborts; with
   * `inPlace`, what was given back stays so.
   */
  signal?: AbortSignal
}

/** Bytes of the file; with `inPlace`, bytes that it takes up on the disk. */
export interface Compacted { before: number; after: number }

/** How the copy gets its name. */
interface Ending extends CopyIdentity {
  name(copy: LiveCopy): void
}

/** Damage must not get checksums that make it look sound. */
export async function checkSource(
  { session }: { session: RegionSession }, signal: AbortSignal | undefined,
): Promise<void> {
  const [page] = await session.damagedPages({ signal, isAwaited: true })
  if (page === undefined) return
  throw new RStoreError('RSTORE_CORRUPT',
    `compacting ${session.path}: page ${page} does not fit its checksum. Nothing was changed. `
    + 'Run "rstore verify" to see what it holds, and "rstore repair" to save the rest',
    { path: session.path, page })
}

const bytesOf = (path: string): number => asking(path, 'compacting', () => statSync(path)).size

/** The copy of a commit: C2, C3. */
async function copyTo(
  path: string, source: Snapshot, ending: Ending, sameStore: boolean, options: CompactOptions,
): Promise<void> {
  const { view } = source.session
  const { signal } = options
  await checkSource(source, signal)
  const target = LiveCopy.beside(path, view.capacityBytes, 'compacting to')
  await target.during(signal, async () => {
    const catalog = new Catalog(target, { create: true })
    const total = aboutCells(source.stats().allocatedBytes)
    const tell = (done: number): void => {
      options.onProgress?.(done, 2 * total)
      signal?.throwIfAborted()
    }
    await inTurns(copyNames(source.session, source.catalog, target, catalog, { sameStore }),
      total, { ...options, onProgress: tell })
    copyOutbound(source, target)
    checkCopy(source, target, catalog, (done, all) => tell(total * (1 + done / Math.max(all, 1))))
    target.finish(view.path, ending)
    ending.name(target)
  })
}

/** The packed regions that are named: as many fields as before, or fewer (C2). */
function copyOutbound(source: Snapshot, target: LiveCopy): void {
  const list = new OutboundList(target.space)
  for (const { regionId, count } of new OutboundList(source.session.space).list()) {
    for (let i = 0; i < count; i++) list.retain(regionId)
  }
}

/** C3: sound, and as much as there was. */
function checkCopy(
  source: Snapshot, target: LiveCopy, catalog: Catalog,
  onProgress: (done: number, total: number) => void,
): void {
  const { problems } = verifySession(target, catalog, { onProgress })
  const names = JSON.stringify(source.names())
  const copied = JSON.stringify(catalog.names())
  const wrong = problems[0]?.message ?? (names === copied ? '' : `${copied} instead of ${names}`)
  if (wrong === '') return
  throw new RStoreError('RSTORE_CORRUPT',
    `compacting ${source.path}: the copy is not what was copied (${wrong}). Nothing was changed. `
    + 'Run "rstore verify"', { path: source.path })
}

/** See Region.compact. `snapshot` is closed. */
export async function compactTo(
  path: string, snapshot: Snapshot, options: CompactOptions,
): Promise<Compacted> {
  const to = resolve(path)
  try {
    const ending = { ...NEW_REGION, name: (copy: LiveCopy): void => copy.nameIt(to) }
    const before = bytesOf(snapshot.path!)
    await copyTo(to, snapshot, ending, false, options)
    return { before, after: bytesOf(to) }
  } finally {
    snapshot.close()
  }
}

/**
 * The same, and the copy takes the place of the file. A handle of its own holds the write lock
 * meanwhile.
 */
export async function compactAndReplace(
  session: RegionSession, checked: CheckedOptions, options: CompactOptions,
): Promise<Compacted> {
  const { path } = session
  const holder = new View(path, checked.native)
  try {
    holder.beginLong(options.timeoutMs ?? checked.timeoutMs)
    const snapshot = owning(new View(path, checked.native, holder.epoch), (view) =>
      new Snapshot(view, session))
    try {
      const before = bytesOf(path)
      const [uuid, generation] = holder.native.identity()
      await copyTo(holder.path, snapshot, {
        uuid, generation: generation + 1, epoch: holder.epoch + 1,
        name: (copy) => check(holder.native.replaceWith(copy.path!), path, 'compacting'),
      }, true, options)
      return { before, after: bytesOf(path) }
    } finally {
      snapshot.close()
      holder.rollback()
    }
  } finally {
    holder.close()
  }
}
