/**
 * The pages of a region as of its last commit: the region file's, with the lines of the redo
 * records behind the checkpoint slot put over them. Nothing is written anywhere.
 */
import { C, pageChecksum } from '../../formats/index.js'
import type { ByteFile } from './file.js'
import type { RegionIdentity } from './identity.js'
import type { Problems } from './problems.js'
import type { PageChange, Record } from './records.js'

interface OverlayPage { mask: bigint; bytes: Buffer }

export class Pages {
  private readonly overlay = new Map<number, OverlayPage>()
  /** Pages that a record's tail wrote: first page → how many. */
  private readonly tails: [first: number, count: number][] = []
  private readonly checked = new Set<number>()

  constructor(
    private readonly file: ByteFile,
    private readonly identity: RegionIdentity,
    private readonly problems: Problems,
  ) {}

  /** Pages that records behind the slot change. */
  get overlayPageCount(): number {
    return this.overlay.size
  }

  apply(record: Record, changes: readonly PageChange[]): void {
    if (record.tailPageCount > 0) this.tails.push([record.tailFirstPage, record.tailPageCount])
    for (const { page, mask, lines } of changes) {
      const target = this.overlay.get(page) ?? { mask: 0n, bytes: Buffer.alloc(C.PAGE_BYTES) }
      this.overlay.set(page, target)
      target.mask |= mask
      let from = 0
      for (let line = 0; line < C.PAGE_BYTES / C.LINE_BYTES; line++) {
        if ((mask >> BigInt(line) & 1n) === 0n) continue
        lines.copy(target.bytes, line * C.LINE_BYTES, from, from + C.LINE_BYTES)
        from += C.LINE_BYTES
      }
    }
  }

  /** Bytes at an address of the region; zero past the end of the file. */
  read(address: number, length: number): Buffer {
    const bytes = this.file.read(address, length)
    const last = Math.floor((address + length - 1) / C.PAGE_BYTES)
    for (let page = Math.floor(address / C.PAGE_BYTES); page <= last; page++) {
      this.checkOnce(page)
      this.putOver(page, address, bytes)
    }
    return bytes
  }

  private putOver(page: number, address: number, bytes: Buffer): void {
    const over = this.overlay.get(page)
    if (over === undefined) return
    for (let line = 0; line < C.PAGE_BYTES / C.LINE_BYTES; line++) {
      if ((over.mask >> BigInt(line) & 1n) === 0n) continue
      const lineAddress = page * C.PAGE_BYTES + line * C.LINE_BYTES
      const from = Math.max(address, lineAddress)
      const to = Math.min(address + bytes.length, lineAddress + C.LINE_BYTES)
      if (from >= to) continue
      const inPage = from - page * C.PAGE_BYTES
      over.bytes.copy(bytes, from - address, inPage, inPage + to - from)
    }
  }

  /** Whether a checkpoint that is under way, or was killed, may have made its checksum wrong. */
  private mayBeAhead(page: number): boolean {
    return this.overlay.has(page)
      || this.tails.some(([first, count]) => page >= first && page < first + count)
  }

  /** Reports a page of the file that does not have its checksum, once. */
  private checkOnce(page: number): void {
    if (this.checked.has(page) || page < C.ALLOCATION_PAGE || this.mayBeAhead(page)) return
    if (page >= C.CHECKSUM_PAGE && page < this.identity.firstDataPage) return
    this.checked.add(page)
    const expected = this.file.read(C.CHECKSUM_PAGE * C.PAGE_BYTES + page * 4, 4).readUInt32LE()
    const bytes = this.file.read(page * C.PAGE_BYTES, C.PAGE_BYTES)
    const isRight = expected === 0
      ? bytes.every((byte) => byte === 0)
      : pageChecksum(bytes) === expected
    if (!isRight) this.problems.add('page checksums', 'the checksum of the page is wrong', page)
  }
}
