/**
 * The pages of a region as of its last commit: the region file's, with the lines of the redo
 * records behind the checkpoint slot put over them. Nothing is written anywhere. Memory: the lines,
 * and a cache of fixed size.
 */
import { C, pageChecksum } from '../../formats/index.js'
import { PROGRESS_PAGES, type OnProgress } from '../shared/progress.js'
import type { ByteFile } from './file.js'
import type { RegionIdentity } from './identity.js'
import { PageSet } from './page-set.js'
import type { Problems } from './problems.js'
import type { Record, RecordContent } from './records.js'

interface OverlayPage { mask: bigint; bytes: Buffer }

/** Pages that are kept, at most: 64 MiB. */
const CACHED_PAGES = 16_384
/** Pages read at once when they are asked for one after the other; a divisor of the above. */
const READ_AHEAD = 32

export class Pages {
  private readonly overlay = new Map<number, OverlayPage>()
  private lastInLog = -1
  /** Checksums of pages that records' tails wrote: the table gets them with the checkpoint. */
  private readonly tails = new Map<number, number>()
  private readonly checked = new PageSet()
  private readonly wrong = new PageSet()
  /** Page i, if it is there, is in place i modulo the number of places. */
  private readonly cache: Buffer
  private readonly cached: Float64Array
  private lastLoaded = -1
  /** A part of the table of checksums: the first page that it is for, and the part. */
  private table: { firstPage: number; bytes: Buffer } = { firstPage: -1, bytes: Buffer.alloc(0) }

  constructor(
    private readonly file: ByteFile,
    private readonly identity: RegionIdentity,
    private readonly problems: Problems,
  ) {
    const wanted = Math.ceil(file.length / C.PAGE_BYTES / READ_AHEAD) * READ_AHEAD
    const places = Math.max(READ_AHEAD, Math.min(CACHED_PAGES, wanted))
    this.cache = Buffer.allocUnsafeSlow(places * C.PAGE_BYTES)
    this.cached = new Float64Array(places).fill(-1)
  }

  /** Pages that records behind the slot change. */
  get overlayPageCount(): number {
    return this.overlay.size
  }

  /** Whether records behind the slot change the page. */
  isInLog(page: number): boolean {
    return this.overlay.has(page) || this.tails.has(page)
  }

  /** The first page behind the file's end, and behind what the log adds to it. */
  get endPage(): number {
    return Math.max(this.lastInLog + 1, Math.ceil(this.file.length / C.PAGE_BYTES))
  }

  apply(record: Record, { tailChecksums, changes }: RecordContent): void {
    tailChecksums.forEach((checksum, i) => this.tails.set(record.tailFirstPage + i, checksum))
    for (const { page, mask, lines } of changes) {
      const target = this.overlay.get(page) ?? { mask: 0n, bytes: Buffer.alloc(C.PAGE_BYTES) }
      this.overlay.set(page, target)
      this.lastInLog = Math.max(this.lastInLog, page)
      target.mask |= mask
      let from = 0
      for (let line = 0; line < C.PAGE_BYTES / C.LINE_BYTES; line++) {
        if ((mask >> BigInt(line) & 1n) === 0n) continue
        lines.copy(target.bytes, line * C.LINE_BYTES, from, from + C.LINE_BYTES)
        from += C.LINE_BYTES
      }
    }
  }

  /** The word at an address, a multiple of 4. */
  u32(address: number): number {
    const page = Math.floor(address / C.PAGE_BYTES)
    return this.cache.readUInt32LE(this.place(page) + address - page * C.PAGE_BYTES)
  }

  /** Bytes of the file as they are: for pages without checksum that no log changes. */
  readRaw(address: number, length: number): Buffer {
    return this.file.read(address, length)
  }

  /** Bytes at an address of the region; zero past the end of the file. */
  read(address: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let done = 0; done < length;) {
      const page = Math.floor((address + done) / C.PAGE_BYTES)
      const from = address + done - page * C.PAGE_BYTES
      const count = Math.min(length - done, C.PAGE_BYTES - from)
      const place = this.place(page) + from
      this.cache.copy(bytes, done, place, place + count)
      done += count
    }
    return bytes
  }

  /** Looks at every page of the data, whether anything leads to it or not. */
  checkAll(endUnits: number, onProgress: OnProgress = () => {}): void {
    const bytes = Math.min(endUnits * C.UNIT_BYTES, this.file.length)
    const endPage = Math.ceil(bytes / C.PAGE_BYTES)
    for (let page = C.ALLOCATION_PAGE; page < endPage; page++) {
      if (page % PROGRESS_PAGES === 0) onProgress(page, endPage)
      this.place(page)
    }
  }

  /** Where in the cache a page is, which has been checked. */
  private place(page: number): number {
    const index = page % this.cached.length
    if (this.cached[index] !== page) this.load(page)
    return index * C.PAGE_BYTES
  }

  private load(first: number): void {
    const isSequential = first === this.lastLoaded + 1
    const count = isSequential ? READ_AHEAD - first % READ_AHEAD : 1
    const place = first % this.cached.length * C.PAGE_BYTES
    const target = this.cache.subarray(place, place + count * C.PAGE_BYTES)
    this.file.readInto(target, first * C.PAGE_BYTES)
    for (let i = 0; i < count; i++) {
      const page = first + i
      this.cached[page % this.cached.length] = page
      const bytes = target.subarray(i * C.PAGE_BYTES, (i + 1) * C.PAGE_BYTES)
      if (this.checked.add(page)) this.check(page, bytes)
      const over = this.overlay.get(page)
      if (over !== undefined) putOver(over, bytes)
    }
    this.lastLoaded = first + count - 1
  }

  /** The stored checksum of a page of the file; 0: it was never written. */
  private tableChecksum(page: number): number {
    const perPage = C.PAGE_BYTES / 4
    const firstPage = page - page % perPage
    if (this.table.firstPage !== firstPage) {
      const address = C.CHECKSUM_PAGE * C.PAGE_BYTES + firstPage * 4
      this.table = { firstPage, bytes: this.file.read(address, C.PAGE_BYTES) }
    }
    return this.table.bytes.readUInt32LE((page - firstPage) * 4)
  }

  /** Pages that have a checksum. */
  hasChecksum(page: number): boolean {
    return this.identity.kind !== 'shared' && page >= C.ALLOCATION_PAGE
      && (page < C.CHECKSUM_PAGE || page >= this.identity.firstDataPage)
  }

  /** Whether the page was read and found not to have its checksum. */
  isWrong(page: number): boolean {
    return this.wrong.has(page)
  }

  /**
   * Reports a page of the file that does not have its checksum, once. Pages that the log changes
   * are left out: a checkpoint that is under way, or was killed, may have written them.
   */
  private check(page: number, bytes: Buffer): void {
    if (!this.hasChecksum(page) || this.overlay.has(page)) return
    const expected = this.tails.get(page) ?? this.tableChecksum(page)
    const isRight = expected === 0
      ? bytes.every((byte) => byte === 0)
      : pageChecksum(bytes) === expected
    if (isRight) return
    this.wrong.add(page)
    this.problems.add('page checksums', 'the checksum of the page is wrong', page)
  }
}

function putOver({ mask, bytes }: OverlayPage, target: Buffer): void {
  for (let line = 0; line < C.PAGE_BYTES / C.LINE_BYTES; line++) {
    if ((mask >> BigInt(line) & 1n) === 0n) continue
    const at = line * C.LINE_BYTES
    bytes.copy(target, at, at, at + C.LINE_BYTES)
  }
}
