/**
 * The addon: what it exports, as TypeScript sees it. Arguments are checked before they get here.
 */
import { loadAddon } from './load.js'

/** A status code with an errno: see status.ts. 0 is success. */
export type PackedStatus = number

export interface HandleOptions {
  readOnly: boolean
  timeoutMs: number
  privatePages: number
  segmentLimit: number
}

export interface WindowSource {
  /**
   * The buffer over the windows 2 × index and 2 × index + 1, or over the first of them; undefined
   * beyond the capacity. A new one makes the engine collect garbage.
   */
  windowPair(index: number): ArrayBuffer | undefined
}

export interface OpenedHandle {
  /** How `refresh`, `unpin`, `begin` and `commit` name it, as long as it is open. */
  number: number
  lineBits: ArrayBuffer
  control: ArrayBuffer
  capacityBytes: number
  firstDataPage: number
}

export interface HandleStats {
  fileBytes: number
  privateBytes: number
  checkpointEpoch: number
  publishedEpoch: number
  logBytes: number
}

export interface ReaderInfo {
  pid: number
  /** Index of its slot in the lock file. */
  slot: number
  /** Whether it is a snapshot. */
  snapshot: boolean
  /** The commit it reads, 0 when it reads none at the moment. */
  epoch: number
  /** How long it has read it, milliseconds. */
  ageMs: number
}

export interface NativeHandle extends WindowSource {
  /**
   * @param epoch 0 for the last commit; else a snapshot of exactly this one, which somebody pins
   */
  open(path: string, options: HandleOptions, epoch: number): OpenedHandle | PackedStatus
  /** Where the changed pages of a transaction are listed, until another list is named. */
  usePages(pages: Uint32Array): void
  commitLater(pageCount: number): Promise<PackedStatus>
  finishLater(): PackedStatus
  rollback(pageCount: number): void
  /** In a transaction: pages that were written to, of which a commit will say nothing. */
  noteTouched(pages: Uint32Array): void
  /**
   * In a transaction: writes what is new before a unit to the file. `changed` are the pages of the
   * stretch of the last call that were marked since: native/src/core/tail.cc.
   */
  writeAhead(endUnits: number, changed: Uint32Array): PackedStatus
  grow(endUnits: number): PackedStatus
  /** The fault bits, which are taken; memory that stood in for the file is mapped to it again. */
  repair(): number
  flush(): Promise<PackedStatus> | PackedStatus
  /** Or minus the process id of whoever has one under way that does not end in time. */
  checkpoint(): Promise<PackedStatus>
  /** Keeps the view of a snapshot for the next one, unpinned; false when it has to be closed. */
  pause(): boolean
  /** Is a snapshot again, of exactly this epoch, which somebody pins; else it has to be closed. */
  resume(epoch: number): PackedStatus
  /** From now on it may not, because memory is given out in place; false when it was before. */
  keepSnapshot(): boolean
  isRevoked(): boolean
  /**
   * False when the slot is not, or not any more, that of a snapshot of this age that can be
   * revoked.
   */
  revoke(slot: number, olderThanMs: number): boolean
  /** Of the commit that this handle, used for nothing else meanwhile, pins. */
  backup(path: string): Promise<PackedStatus>
  /** Bytes done, bytes in all. */
  backupProgress(): [number, number]
  /**
   * Compares the file's pages with their checksums; then `damagedPages` has those that differ.
   * @param mayWait for Node's pool of threads: not where somebody holds the write lock
   */
  checkPages(mayWait: boolean): Promise<PackedStatus>
  /** Ends it. */
  cancelPageCheck(): void
  /** Pages done, pages in all, of the last `checkPages`. */
  pageCheckProgress(): [number, number]
  damagedPages(): number[]
  /** Of the file that is shown: uuid, generation. */
  identity(): [Uint8Array, number]
  /** Whether the region has another file by now, which the next `refresh` or `begin` goes to. */
  isReplaced(): boolean
  /** Whether the file that is shown has the region's name. */
  checkName(): PackedStatus
  /**
   * Gives the region's name to a file of the next generation, between `begin` and `rollback`:
   * native/src/core/replacement.cc.
   */
  replaceWith(temporary: string): PackedStatus
  /**
   * Punches those of the pages out of the file that it holds as zeros: native/src/core/give-back.h.
   * @param runs first page and number of pages of each, before the end of what is shown
   */
  punchZeroPages(runs: Uint32Array): Promise<PackedStatus>
  /** The same of what the file has behind the data, between `begin` and `rollback`. */
  punchTail(): Promise<PackedStatus>
  /**
   * True when no other handle has the region open: then nobody can open it until `close`, which
   * cuts the file behind its data, and one transaction may come before. Else only `close` may come.
   */
  becomeAlone(): boolean
  /**
   * Tells of every newest commit of any process; of 0 while the file is a replaced one; of less
   * than 0, a status, negated, when there is no thread for it any more. Without a callback, ends
   * that.
   */
  watchEpochs(callback?: (epoch: number) => void): PackedStatus
  stats(): HandleStats
  readers(): ReaderInfo[]
  close(): void
}

/** A region that is being packed, or was. */
export interface OpenedPack extends Omit<OpenedHandle, 'number'> {
  rootRef: number
  rootType: number
  endUnits: number
  uuid: Uint8Array
}

export interface NativePackWriter extends WindowSource {
  /** @param path '' for memory */
  begin(
    path: string, place: number, capacityBytes: number, pages: Uint8Array, mode: number,
  ): OpenedPack | PackedStatus
  grow(endUnits: number): PackedStatus
  /** Of memory: minus its number; it is held until `discard`. */
  finish(
    rootRef: number, rootType: number, endUnits: number, uuid: Uint8Array, replace: boolean,
    sync: boolean,
  ): PackedStatus
  /**
   * A live region, complete, until `discard` takes the name away that it was begun with.
   * @param like the file whose permissions it gets
   * @param uuid zeros for a region of its own
   */
  finishLive(
    like: string, uuid: Uint8Array, generation: number, epoch: number, endUnits: number,
  ): PackedStatus
  /** After `finishLive`: another name. */
  nameLive(path: string): PackedStatus
  discard(): void
}

export interface NativePackedFile extends WindowSource {
  /** @param verify 0 none, 1 lazy, 2 full */
  open(path: string, verify: number, populate: boolean, lock: boolean): OpenedPack | PackedStatus
  openMemory(
    id: number, verify: number, populate: boolean, lock: boolean,
  ): OpenedPack | PackedStatus
  /** The first page whose checksum does not fit; -1 when all do. */
  verifyAll(): number
  stats(): { fileBytes: number; residentBytes?: number }
  close(): void
}

/** Locks on single bytes of a file; they end with the process, or with `close`. */
export interface NativeByteLock {
  /** @param readOnly it is not made, and only shared locks can be had */
  open(path: string, readOnly: boolean): PackedStatus
  /** Whether it was had. What this object holds on the byte is converted. */
  tryLock(byte: number, exclusive: boolean): boolean
  unlock(byte: number): void
  /** Whether others hold any of these bytes; also where that cannot be known. */
  isHeld(first: number, count: number): boolean
  close(): void
}

/** Batches. See native/src/core/kernel/lookup.h. */
export interface NativeKernels {
  lookUp(
    windows: readonly Uint8Array[], root: number, keyForm: number,
    keys: Uint32Array | Float64Array | BigUint64Array, valueBytes: number, values: Uint32Array,
    found: Uint8Array, cells: boolean,
  ): number
  readFields(
    windows: readonly Uint8Array[], refs: Uint32Array, typeId: number, offset: number,
    kind: number, column: Uint32Array | Int32Array | Float64Array, found: Uint8Array,
  ): number
}

export interface NativeThawing {
  /** Minus the ref of the root. */
  finished: Promise<PackedStatus>
  /** [bytes done, bytes in all] */
  progress(): [number, number]
  /** Waits until nothing is written any more. True when it was too late: the copy has its name. */
  cancel(): boolean
}

/** What is called so often that the way to a wrapped object would cost more than the rest. */
export interface FrequentCalls {
  refresh(handle: number): PackedStatus
  unpin(handle: number): void
  /** Minus the process id of the holder when the lock could not be had in time. */
  begin(handle: number, timeoutMs: number): PackedStatus
  /** @param sync 0 or 1 */
  commit(handle: number, pageCount: number, sync: number): PackedStatus
}

export interface Addon extends NativeKernels, FrequentCalls {
  ByteLock: new () => NativeByteLock
  Handle: new () => NativeHandle
  PackWriter: new () => NativePackWriter
  PackedFile: new () => NativePackedFile
  /** A live copy of a packed file. */
  thaw(from: string, to: string): NativeThawing
  /** Memory for the first region that is opened, made while the heap is small. */
  prepareMemory(): PackedStatus
  createRegion(path: string, capacityBytes: number, mode: number, pages: Uint8Array): PackedStatus
  /** Only of one that has no commit yet and that nobody has open: native/src/core/region-file.h. */
  removeNewRegion(path: string): PackedStatus
  /** A buffer of its own over part of a window; `detach` it when its lease ends. */
  bufferOver(window: Uint8Array, offset: number, bytes: number): ArrayBuffer
  /** Empties what `bufferOver` made. */
  detach(buffers: ArrayBuffer[]): void
  networkFileSystem(path: string): string
  /** A byte for each page of the file: 1 when it is in memory. */
  pagesInMemory(path: string): Uint8Array | PackedStatus
  /** A byte for each byte of the file from `first` on: 1 when somebody holds a lock on it. */
  heldBytes(path: string, first: bigint, count: number): Uint8Array | PackedStatus
  /** What the codes of packed statuses mean, by index. */
  statusNames: readonly string[]
}

let loaded: Addon | undefined

/** The addon, loaded at first use. Throws RSTORE_NO_ADDON. */
export const addon = (): Addon => (loaded ??= loadAddon() as Addon)

let calls: FrequentCalls | undefined

/** The same functions, in an object of few properties: those of the addon are looked up by hash. */
export const frequentCalls = (): FrequentCalls => (calls ??= pickCalls(addon()))

const pickCalls = ({ refresh, unpin, begin, commit }: Addon): FrequentCalls =>
  ({ refresh, unpin, begin, commit })
