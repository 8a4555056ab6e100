/**
 * A packed region: frozen, so that nobody can write to it in any process. Loading it maps the file
 * in constant time; its pages are shared by everyone who has it loaded.
 */
import { resolve } from 'node:path'

import { C } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import { Catalog } from '../../map/catalog.js'
import { checkVerifyOptions } from '../../map/verify/report.js'
import type { Problem, VerifyOptions, VerifyReport } from '../../map/verify/report.js'
import { verifySession } from '../../map/verify/verify.js'
import { addon } from '../../native/binding.js'
import type { NativePackedFile, OpenedPack, PackedStatus } from '../../native/binding.js'
import { errorOf } from '../../native/status.js'
import { CONTROL, STATE } from '../../space/allocation-words.js'
import { ContiguousSpace } from '../../space/contiguous-space.js'
import { faultError } from '../../space/fault-error.js'
import { hide } from '../../space/hidden.js'
import { byteIndexOf, refOfPage } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import type { EndReason } from '../../types/context.js'
import type { Frozen, Type } from '../../types/index.js'
import { checkOptionNames } from '../../types/options.js'
import { PACKED_ROOT } from '../../types/packed/packed.js'
import { typeFrom } from '../../types/type.js'
import type { AnyType } from '../../types/type.js'
import { NEXT_TYPE_UNIT, TYPES_ROOT } from '../base/blank.js'
import { RecentBuffers } from '../base/lent-buffers.js'
import { OpenSession } from '../base/open-session.js'
import { checkNewPath, checkPath } from '../base/options.js'
import { owning } from '../base/owning.js'
import { ReadRegion } from '../base/read-region.js'
import { failedReport, pageProblem, problemOf, reporting, withProblems } from '../base/reports.js'
import type { RegionStats } from '../base/stats.js'
import { Windows } from '../base/windows.js'
import { PortablePackedFile } from './portable.js'
import { thaw, type ThawOptions } from './thaw.js'

const VERIFY = { none: 0, lazy: 1, full: 2 } as const
/** Pages are compared at least so many at a time: native/src/core/packed-file.cc. */
const CHUNK_BYTES = 256 * 1024
const NO_BITS = new Uint32Array(0)

/** One lease from beginning to end; nothing can be written, ever. */
export class PackedSession extends OpenSession {
  declare readonly space: ContiguousSpace
  /** Whether a page is compared with its checksum when it is first touched. */
  isLazy = false
  private readonly lent = new RecentBuffers()

  constructor(
    readonly path: string | null,
    readonly native: NativePackedFile,
    readonly opened: OpenedPack,
  ) {
    const control = new Uint32Array(opened.control)
    super(new ContiguousSpace({
      windows: new Windows(native, opened.endUnits).all,
      control,
      bitmap: NO_BITS,
      firstDataPage: opened.firstDataPage,
      grow: () => this.refuseWrite(),
      ...path !== null && { path },
    }), control, TYPES_ROOT, NEXT_TYPE_UNIT)
    hide(opened, 'lineBits', opened.lineBits)
  }

  protected renew(): void {
    this.assertOpen()
  }

  protected refuseWrite(): never {
    this.assertOpen()
    throw new RStoreError('RSTORE_READ_ONLY',
      `${this.label} is packed: nobody can write to it. Packed.thaw makes a live copy`,
      { path: this.path })
  }

  protected throwFault(): void {
    this.assertOpen()
    throw faultError(this.faults[0]!, { path: this.label })
  }

  transactOrJoin(): never {
    return this.refuseWrite()
  }

  override atomically(): never {
    return this.refuseWrite()
  }

  /** mmap-io has no buffers over a part of a mapping: there arrays are copied. */
  externalView(ref: Ref, offset: number, bytes: number): ArrayBuffer | null {
    if (this.native instanceof PortablePackedFile) return null
    return this.lent.take(ref, bytes, () => {
      if (this.isLazy) this.touch(ref, offset + bytes)
      return this.unleasedBuffer(ref, offset, bytes)
    })
  }

  /** Has pages compared with their checksums that nobody looks at when they are read in place. */
  private touch(ref: Ref, bytes: number): void {
    const { u8 } = this.space.windowOf(ref)
    const first = byteIndexOf(ref)
    for (let at = 0; at < bytes; at += CHUNK_BYTES) void Atomics.load(u8, first + at)
    void Atomics.load(u8, first + bytes - 1)
    this.leave()
  }

  protected override endLease(reason: EndReason): void {
    super.endLease(reason)
    this.lent.end()
  }

  holds(ref: number): boolean {
    return ref >= refOfPage(this.space.firstDataPage)
      && ref < this.opened.endUnits
  }

  stats(): RegionStats {
    const { u32 } = this.space.windows[0]!
    return {
      capacity: this.opened.capacityBytes,
      ...this.native.stats(),
      allocatedBytes: u32[STATE.allocatedUnits]! * C.UNIT_BYTES,
      freeBytes: u32[STATE.freeUnits]! * C.UNIT_BYTES,
      epoch: 1,
      checkpointEpoch: 1,
      logBytes: 0,
      privateBytes: 0,
      faults: this.space.control[CONTROL.faultCount]!,
      readers: 1,
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.endLease('close')
    // Otherwise its finalizer does, when nobody has an array of it any more (open-session.ts).
    if (this.lent.areAll) this.native.close()
  }
}

/**
 * Memory for the first region that is opened, with its first windows: making them costs least when
 * the library is imported (windows.ts).
 */
function prepareMemory(): void {
  try {
    addon().prepareMemory()
  } catch {
    // without the addon there are no windows; other reasons are told by whoever opens a region
  }
}
prepareMemory()

export interface LoadOptions<V> {
  /** Checks that the root is of this type, and reads it as such. */
  root?: Type<V, any>
  /**
   * Page checksums: not at all, when a page is first used, or all before loading. Default 'none'.
   */
  verify?: 'none' | 'lazy' | 'full'
  /** Reads ahead. */
  populate?: boolean
  /** Keeps it in memory: needs the permission to lock so much. */
  lock?: boolean
  /** What maps the file. Default: the addon, and mmap-io where the addon cannot be loaded. */
  backend?: 'native' | 'mmap-io'
}

const LOAD_OPTIONS = ['root', 'verify', 'populate', 'lock', 'backend'] as const

/** Names a packed region in memory to other threads of the process; can be posted. */
export interface PackedToken {
  readonly kind: 'rstore-packed'
  readonly memory: number
}

const NOT_THERE = { notFound: { todo: 'Check the path; Region.pack makes one' } }

const ALL_LET_GO = {
  notFound: {
    what: 'all who held it have closed it',
    todo: 'Keep one open until whoever gets its token has attached',
  },
}

/** Maps a packed file for a session that `make` makes. Throws what is wrong with it. */
export function loadSession<S extends PackedSession>(
  path: string, options: LoadOptions<any>,
  make: (path: string, native: NativePackedFile, opened: OpenedPack) => S,
): S {
  const { verify = 'none', populate = false, lock = false } = options
  if (!Object.hasOwn(VERIFY, verify)) {
    throw new TypeError(`verify must be 'none', 'lazy' or 'full', not ${String(verify)}`)
  }
  for (const [name, flag] of Object.entries({ populate, lock })) {
    if (typeof flag !== 'boolean') throw new TypeError(`${name} must be true or false`)
  }
  checkPath(path)
  const absolute = resolve(path)
  const native = backendOf(options.backend)
  const opened = native.open(absolute, VERIFY[verify], populate, lock)
  if (typeof opened === 'number') throw errorOf(opened, absolute, 'loading', NOT_THERE)
  return owning(native, () => {
    const session = make(absolute, native, opened)
    session.isLazy = verify === 'lazy'
    return session
  })
}

/** The addon, or where it cannot be loaded mmap-io. */
function backendOf(backend: LoadOptions<any>['backend']): NativePackedFile {
  if (backend !== undefined && backend !== 'native' && backend !== 'mmap-io') {
    throw new TypeError(`backend must be 'native' or 'mmap-io', not ${String(backend)}`)
  }
  if (backend === 'mmap-io') return new PortablePackedFile()
  try {
    return new (addon().PackedFile)()
  } catch (error) {
    const missing = error instanceof RStoreError && error.code === 'RSTORE_NO_ADDON'
    if (!missing || backend === 'native') throw error
    return new PortablePackedFile()
  }
}

export class Packed<V = unknown> extends ReadRegion {
  /** @internal */
  declare readonly session: PackedSession
  private readonly memory: number
  private readonly rootType: AnyType | undefined

  /** @internal Use Packed.load, Packed.attach or Region.pack. */
  constructor(session: PackedSession, rootType: AnyType | undefined, memory: number) {
    super(session, false, () => new Catalog(session, { create: false }))
    this.memory = memory
    this.rootType = rootType
    if (rootType !== undefined) {
      session.registry.checkCell(rootType, session.opened.rootRef, 'root')
    }
  }

  /** Throws what is wrong with the file; RSTORE_TYPE_MISMATCH when the root is of another type. */
  static load<V = unknown>(path: string, options: LoadOptions<V> = {}): Packed<V> {
    checkOptionNames(options, 'Packed.load', LOAD_OPTIONS)
    const type = options.root === undefined ? undefined : typeFrom(options.root, 'load, root')
    const session = loadSession(path, options, (absolute, native, opened) =>
      new PackedSession(absolute, native, opened))
    return owning(session, () => new Packed<V>(session, type, 0))
  }

  /**
   * In another thread: the region that `token` names. Throws RSTORE_NOT_FOUND when all let go of
   * it.
   */
  static attach<V = unknown>(token: PackedToken): Packed<V> {
    if (token?.kind !== 'rstore-packed' || typeof token.memory !== 'number') {
      throw new TypeError('attach needs what token() gave')
    }
    const native = new (addon().PackedFile)()
    const opened = native.openMemory(token.memory, VERIFY.none, false, false)
    if (typeof opened === 'number') {
      throw errorOf(opened, 'the packed region in memory', 'attaching', ALL_LET_GO)
    }
    return owning(native, () =>
      new Packed<V>(new PackedSession(null, native, opened), undefined, token.memory))
  }

  /** @internal */
  onClose: () => void = () => {}

  override close(): void {
    if (!this.session.isClosed) this.onClose()
    super.close()
  }

  /** What `init` returned. */
  get root(): Frozen<V> {
    return this.rootAt(this.session.opened.rootRef, this.rootType) as Frozen<V>
  }

  /** @internal For comparisons of fields that name it. */
  get [PACKED_ROOT](): unknown {
    return this.root
  }

  /** @internal What is in a cell, by its own type if it is not known. */
  rootAt(ref: number, known?: AnyType): unknown {
    const { session } = this
    session.enter()
    session.assertOpen()
    const type = known ?? session.registry.typeToRead(ref)
    const value = type.readCell(session.lease, ref as Ref, undefined)
    session.leave()
    return value
  }

  /** For `attach` in another thread, as long as this or another one holds the region. */
  token(): PackedToken {
    this.session.assertOpen()
    if (this.memory !== 0) return { kind: 'rstore-packed', memory: this.memory }
    throw new RStoreError('RSTORE_UNSUPPORTED',
      `${this.session.label} is in a file: load it by its path in the other thread`,
      { path: this.path })
  }

  /** The structure as `Region.verify`, and every page against its checksum. */
  override async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    checkVerifyOptions(options)
    const { session } = this
    session.assertOpen()
    const report = reporting(() => {
      const { rootRef: ref } = session.opened
      const type = session.registry.typeOfCell(ref)
      return verifySession(session, this.catalog, options, [{ type, ref, path: 'root' }])
    })
    return withProblems(report, this.pageProblems(session.native.verifyAll()))
  }

  private pageProblems(badPage: number): Problem[] {
    if (badPage === -1) return []
    return [badPage >= 0 ? pageProblem(badPage) : this.readingProblem(-1 - badPage)]
  }

  private readingProblem(status: PackedStatus): Problem {
    return problemOf(errorOf(status, this.session.label, 'reading') as RStoreError)
  }

  /**
   * A live copy of a packed file, with the same refs. Its root gets the name "root", unless that is
   * taken, or something in the region owns it. Throws RSTORE_EXISTS when there is a file of the new
   * name, RSTORE_BUSY while another is made of it.
   */
  static async thaw(path: string, newPath: string, options: ThawOptions = {}): Promise<void> {
    checkNewPath(newPath)
    checkOptionNames(options, 'Packed.thaw', ['onProgress', 'signal'])
    Packed.load(path).close()  // throws what is wrong with it
    await thaw(resolve(path), resolve(newPath), options)
  }

  /** Verifies a file. What keeps it from being loaded is a problem of the report, too. */
  static async verify(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
    checkVerifyOptions(options)
    try {
      const packed = Packed.load(path)
      try {
        return await packed.verify(options)
      } finally {
        packed.close()
      }
    } catch (error) {
      if (!(error instanceof RStoreError) || error.code === 'RSTORE_NOT_FOUND') throw error
      return failedReport(problemOf(error))
    }
  }
}
