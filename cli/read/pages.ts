/**
 * The pages of a region as of its last commit: the region file's, with the lines of the redo
 * records behind the checkpoint slot put over them. Nothing is written anywhere.
 */
import { C, pageChecksum } from '../../formats/index.js'
import type { ByteFile } from './file.js'
import type { RegionIdentity } from './identity.js'
import type { Problems } from './problems.js'
import type { Record, RecordContent } from './records.js'

interface OverlayPage { mask: bigint; bytes: Buffer }

export class Pages {
  private readonly overlay = new Map<number, OverlayPage>()
  /** Checksums of pages that records' tails wrote: the table gets them with the checkpoint. */
  private readonly tails = new Map<number, number>()
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

  apply(record: Record, { tailChecksums, changes }: RecordContent): void {
    tailChecksums.forEach((checksum, i) => this.tails.set(record.tailFirstPage + i, checksum))
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

  /** Bytes of the file as they are: for pages without checksum that no log changes. */
  readRaw(address: number, length: number): Buffer {
    return this.file.read(address, length)
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

  private tableChecksum(page: number): number {
    return this.file.read(C.CHECKSUM_PAGE * C.PAGE_BYTES + page * 4, 4).readUInt32LE()
  }

  /**
   * Reports a page of the file that does not have its checksum, once. Pages that the log changes
   * are left out: a checkpoint that is under way, or was killed, may have written them.
   */
  private checkOnce(page: number): void {
    if (this.checked.has(page) || page < C.ALLOCATION_PAGE || this.overlay.has(page)) return
    if (page >= C.CHECKSUM_PAGE && page < this.identity.firstDataPage) return
    this.checked.add(page)
    const expected = this.tails.get(page) ?? this.tableChecksum(page)
    const bytes = this.file.read(page * C.PAGE_BYTES, C.PAGE_BYTES)
    const isRight = expected === 0
      ? bytes.every((byte) => byte === 0)
      : pageChecksum(bytes) === expected
    if (!isRight) this.problems.add('page checksums', 'the checksum of the page is wrong', page)
  }
}
