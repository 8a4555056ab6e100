/**
 * The session of a region that is being packed: always writable, no log, no turns. When it ends,
 * whatever came out of it is revoked: no write capability survives the freezing.
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'

import { C } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import { addon } from '../../native/binding.js'
import type { NativePackWriter, OpenedPack } from '../../native/binding.js'
import { check, errorOf } from '../../native/status.js'
import { CONTROL, STATE } from '../../space/allocation-words.js'
import { ContiguousSpace } from '../../space/contiguous-space.js'
import { faultError } from '../../space/fault-error.js'
import { refOfPage } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import { Lease } from '../../types/context.js'
import type { Ending } from '../../types/context.js'
import type { AnyType } from '../../types/type.js'
import { blankPages, NEXT_TYPE_UNIT, TYPES_ROOT } from '../base/blank.js'
import { Endings } from '../base/endings.js'
import { OpenSession } from '../base/open-session.js'
import type { RegionStats } from '../base/stats.js'
import { Windows } from '../base/windows.js'
import { contentPieces } from './content-pieces.js'

/** How the file appears under its name. */
export interface Publishing { readonly replace: boolean; readonly sync: boolean }

/** Under which name it is written: PackPlace in native/src/core/pack-writer.h. */
const PLACE = { beside: 0, inPlace: 1, temporary: 2 } as const

const TAKEN = {
  exists: { todo: 'Load what is there with Packed.load, or pass { replace: true }' },
}

type Make = (writer: NativePackWriter, opened: OpenedPack) => PackSession

/** What the new file is given. */
export interface PackFile {
  readonly capacityBytes: number
  /** Permission bits, less the umask; those to write end with the freezing. */
  readonly mode: number
}

function beginWith(
  path: string | null, place: keyof typeof PLACE, { capacityBytes, mode }: PackFile, make: Make,
  doing = 'packing',
): PackSession {
  const writer = new (addon().PackWriter)()
  const opened =
    writer.begin(path ?? '', PLACE[place], capacityBytes, blankPages(capacityBytes), mode)
  if (typeof opened === 'number') throw errorOf(opened, path ?? 'memory', doing)
  return make(writer, opened)
}

export class PackSession extends OpenSession {
  declare readonly space: ContiguousSpace
  /** Once it is frozen. */
  uuid = new Uint8Array(16)
  private readonly endings = new Endings()

  constructor(
    readonly path: string | null,
    protected readonly writer: NativePackWriter,
    opened: OpenedPack,
  ) {
    const control = new Uint32Array(opened.control)
    const windows = new Windows(writer, 0)
    super(new ContiguousSpace({
      windows: windows.all,
      control,
      bitmap: new Uint32Array(opened.lineBits),
      firstDataPage: opened.firstDataPage,
      grow: (endUnits) => {
        check(writer.grow(endUnits), path ?? 'memory', 'growing')
        windows.reach(endUnits)
      },
      ...path !== null && { path },
    }), control, TYPES_ROOT, NEXT_TYPE_UNIT)
    this.space.beginTransaction(0)  // nothing of it ever comes back: only savepoints do
    this.writable = true
  }

  static begin(path: string | null, file: PackFile): PackSession {
    const absolute = path === null ? null : resolve(path)
    return beginWith(absolute, 'beside', file, (writer, opened) =>
      new PackSession(absolute, writer, opened))
  }

  /** Under its name from the beginning: whether it is whole, its owner knows by other means. */
  static beginInPlace(path: string, file: PackFile, make: Make): PackSession {
    return beginWith(path, 'inPlace', file, make)
  }

  /** Under a temporary name, which one process at a time has. Throws RSTORE_BUSY. */
  static beginTemporary(
    path: string, capacityBytes: number, doing: string, make: Make,
  ): PackSession {
    return beginWith(path, 'temporary', { capacityBytes, mode: 0o600 }, make, doing)
  }

  /**
   * Freezes it with this root, which nothing else has to own; the number of its memory where there
   * is no path, else 0. Throws RSTORE_DANGLING_REF when there is no such root; then nothing is
   * published.
   */
  freeze(given: Ref, type: AnyType, { replace, sync }: Publishing): number {
    this.leave()
    if (this.spoiled !== undefined) throw this.spoiled
    this.unadopted.delete(given)
    this.prepareFreeze()
    const root = this.registry.checkRef(type, given, 'pack, root')
    this.space.prepareCommit()
    const typeId = this.space.typeIdOf(root)
    const endUnits = this.space.frontierUnits
    this.uuid = this.hash(root, endUnits)
    this.revoke()
    const status = this.writer.finish(root, typeId, endUnits, this.uuid, replace, sync)
    if (status > 0) throw errorOf(status, this.label, 'packing', TAKEN)
    return -status
  }

  /** The last change. */
  protected prepareFreeze(): void {
    this.freeUnadopted()
  }

  /**
   * The same content gives the same name: a hash of all pages but those with names and checksums.
   */
  private hash(root: Ref, endUnits: number): Uint8Array<ArrayBuffer> {
    const hash = createHash('sha256').update(`rstore packed ${root} ${endUnits}\n`)
    const { firstDataPage, windows } = this.space
    const ranges = [
      [C.ALLOCATION_PAGE * C.PAGE_BYTES, C.CHECKSUM_PAGE * C.PAGE_BYTES],
      [firstDataPage * C.PAGE_BYTES, endUnits * C.UNIT_BYTES],
    ] as const
    for (const [start, end] of ranges) {
      for (const piece of contentPieces(windows, start, end)) hash.update(piece)
    }
    return hash.digest().subarray(0, 16)
  }

  /** Lets go of the memory that `freeze` gave the number of. */
  releaseMemory(): void {
    this.writer.discard()
  }

  discard(): void {
    this.revoke()
    this.writer.discard()
  }

  protected revoke(): void {
    this.closed = true
    this.writable = false
    this.endLease('frozen')
    this.space.abandon()
    this.endings.end('ended')
  }

  override endsWith(thing: Ending): void {
    this.endings.add(thing)
  }

  override assertOpen(): void {
    if (!this.closed) return
    throw new RStoreError('RSTORE_REVOKED',
      `${this.label} was packed or discarded: nobody can write to it any more. `
      + 'Load it with Packed.load to read it', { path: this.path })
  }

  protected renew(): void {
    this.assertOpen()
    this.lease = new Lease(this)
  }

  protected refuseWrite(): never {
    this.assertOpen()
    throw new Error('A region that is being packed can always be written.')
  }

  protected throwFault(): void {
    this.assertOpen()
    throw faultError(this.faults[0]!, { path: this.label })
  }

  /** There are no transactions here: a savepoint. */
  transactOrJoin<R>(fn: () => R): R {
    this.assertOpen()
    return this.atomically(fn)
  }

  /** There is no commit after which anybody could be told. */
  override noteChange(_notify: () => void, undo?: () => void): void {
    if (undo !== undefined) super.noteChange(() => {}, undo)
  }

  externalView(ref: Ref, offset: number, bytes: number): ArrayBuffer {
    return this.bufferOver(ref, offset, bytes)
  }

  holds(ref: number): boolean {
    return ref >= refOfPage(this.space.firstDataPage)
      && ref < this.space.frontierUnits
  }

  stats(): RegionStats {
    const { u32 } = this.space.windows[0]!
    return {
      capacity: (this.space.control[CONTROL.capacityUnits]! * C.UNIT_BYTES) + C.SINK_BYTES,
      fileBytes: this.space.frontierUnits * C.UNIT_BYTES,
      allocatedBytes: u32[STATE.allocatedUnits]! * C.UNIT_BYTES,
      freeBytes: u32[STATE.freeUnits]! * C.UNIT_BYTES,
      epoch: 0,
      checkpointEpoch: 0,
      logBytes: 0,
      privateBytes: 0,
      faults: this.space.control[CONTROL.faultCount]!,
      readers: 0,
    }
  }

  /** Closing it inside `init` is discarding. */
  close(): void {
    if (!this.closed) this.discard()
  }
}
