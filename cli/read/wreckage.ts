/**
 * The bytes of a damaged region, all of them, for whoever looks for what can be saved: with the log
 * put over them as far as it can be read, and the pages that do not fit their checksums.
 */
import { C, pageChecksum } from '../../formats/index.js'
import type { Image } from '../../lib/index.js'
import { UsageError } from '../shared/errors.js'
import { PROGRESS_PAGES, type OnProgress } from '../shared/progress.js'
import { refOfPage } from './cells.js'
import { ByteFile } from './file.js'
import { NotReadable } from './identity.js'
import { readRegion, type RegionImage } from './region.js'

export interface Wreckage {
  image: Image
  /** undefined where it cannot be read any more. */
  capacityBytes: number | undefined
  /** What the log held and cannot be read any more, in words; '' when nothing. */
  lostOfLog: string
  /** What the file no longer holds because it was cut, in words; '' when nothing. */
  cutOff: string
  /** What is wrong with its first page and with its checkpoint slots; '' when nothing. */
  damagedHead: string
  /** The first page says that this is a region: else it may be anything. */
  isRegion: boolean
}

const NO_SLOT = 'what was only in the log is lost: the file no longer says where it is'
const WINDOW_BYTES = Number(C.WINDOW_BYTES)
const CHECKSUMS_PER_PAGE = C.PAGE_BYTES / 4
/**
 * So many pages of a part of the table must differ, before the table is blamed and not they; fewer
 * where all differ that are there.
 */
const LEAST_BLAMED = 8
const LEAST_OF_ALL = 3

type ReadPage = (page: number) => Buffer

const isClear = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0)

function windowsOf(endPage: number, readPage: ReadPage, onProgress: OnProgress): ArrayBuffer[] {
  const windows: ArrayBuffer[] = []
  for (let start = 0; start < endPage * C.PAGE_BYTES; start += WINDOW_BYTES) {
    const bytes = Math.min(WINDOW_BYTES, endPage * C.PAGE_BYTES - start)
    const window = new Uint8Array(bytes)
    for (let at = 0; at < bytes; at += C.PAGE_BYTES) {
      const page = (start + at) / C.PAGE_BYTES
      if (page % PROGRESS_PAGES === 0) onProgress(page, endPage)
      window.set(readPage(page), at)
    }
    windows.push(window.buffer)
  }
  return windows
}

/** What the table says of a page; undefined where there is nothing, or the log has it. */
type Verdict = 'right' | 'wrong' | 'unknown' | undefined

/** The pages that one page of the table is for. */
class TablePart {
  private readonly wrong: number[] = []
  private readonly counts = { right: 0, wrong: 0, unknown: 0 }

  add(page: number, verdict: Verdict): void {
    if (verdict === 'wrong') this.wrong.push(page)
    if (verdict !== undefined) this.counts[verdict]++
  }

  /** Whether it is the table that is damaged: more pages differ than do not. */
  get isLost(): boolean {
    const { right, wrong, unknown } = this.counts
    return (wrong >= LEAST_BLAMED && wrong > right)
      || (wrong + unknown >= LEAST_OF_ALL && right === 0)
  }

  /** Pages that have something. */
  get size(): number {
    return this.counts.right + this.counts.wrong + this.counts.unknown
  }

  /** Pages that differ. */
  get damaged(): readonly number[] {
    return this.isLost ? [] : this.wrong
  }
}

/** How the pages of a file are read. */
interface PageReader {
  read: ReadPage
  verdictOn(page: number, bytes: Buffer): Verdict
  onProgress: OnProgress
}

/** Tells of every page twice: it is read, and then compared with its checksum. */
function wreckageOf(
  firstPage: number, endPage: number, { read, verdictOn, onProgress }: PageReader, root = 0,
): Image {
  const windows = windowsOf(endPage, read, (done, all) => onProgress(done, 2 * all))
  const parts = new Map<number, TablePart>()
  for (let page = C.ALLOCATION_PAGE; page < endPage; page++) {
    if (page % PROGRESS_PAGES === 0) onProgress(endPage + page, 2 * endPage)
    if (page >= C.CHECKSUM_PAGE && page < firstPage) continue
    const index = Math.floor(page / CHECKSUMS_PER_PAGE)
    const part = parts.get(index) ?? new TablePart()
    parts.set(index, part)
    const window = windows[Math.floor(page * C.PAGE_BYTES / WINDOW_BYTES)]!
    part.add(page, verdictOn(page, Buffer.from(window, page * C.PAGE_BYTES % WINDOW_BYTES,
      C.PAGE_BYTES)))
  }
  const all = [...parts.values()]
  return {
    windows, firstPage, endUnits: refOfPage(endPage), root,
    damagedPages: new Set(all.flatMap(({ damaged }) => damaged)),
    uncheckedPages: all.reduce((sum, part) => sum + (part.isLost ? part.size : 0), 0),
  }
}

function lostOfLog({ identity, slot, problems }: RegionImage): string {
  if (identity.kind !== 'packed' && slot === undefined) return NO_SLOT
  const ofLog = problems.list.find(({ where }) => where === 'log')
  return ofLog === undefined ? '' : `commits are lost: ${ofLog.message}`
}

const damagedHead = ({ problems }: RegionImage): string =>
  problems.list.filter(({ where }) => where === 'identity' || where.startsWith('slot '))
    .map(({ where, message }) => `${where}: ${message}`).join('; ')

const cutOff = ({ problems }: RegionImage): string =>
  problems.list.find(({ where }) => where === 'file')?.message ?? ''

function ofRegion(region: RegionImage, onProgress: OnProgress): Wreckage {
  const { pages, identity, path } = region
  if (identity.kind === 'shared') {
    throw new UsageError(`${path} is a shared vector: its elements stand for themselves, and none `
      + 'leads to another. `rstore vector` shows those that are there')
  }
  pages.checkAll(refOfPage(pages.endPage), (done, all) =>
    onProgress(done, 2 * all))
  const isKnown = identity.kind !== 'unknown'
  const firstPage = isKnown ? identity.firstDataPage : C.CHECKSUM_PAGE
  const reader = {
    read: (page: number) => pages.read(page * C.PAGE_BYTES, C.PAGE_BYTES),
    verdictOn: (page: number, bytes: Buffer): Verdict => {
      if (pages.isWrong(page)) return 'wrong'
      return pages.isInLog(page) || isClear(bytes) ? undefined : 'right'
    },
    onProgress: (done: number, all: number) => onProgress(all / 2 + done / 2, all),
  }
  const image = wreckageOf(firstPage, pages.endPage, reader,
    identity.kind === 'packed' ? identity.rootRef : 0)
  return {
    image, capacityBytes: isKnown ? identity.capacityBytes : undefined,
    lostOfLog: lostOfLog(region), cutOff: cutOff(region), damagedHead: damagedHead(region),
    isRegion: true,
  }
}

/** A file whose first page says nothing any more. */
function ofBytes(path: string, onProgress: OnProgress): Wreckage {
  const file = ByteFile.open(path)
  try {
    const endPage = Math.ceil(file.length / C.PAGE_BYTES)
    const read = (page: number): Buffer => file.read(page * C.PAGE_BYTES, C.PAGE_BYTES)
    const verdictOn = (page: number, bytes: Buffer): Verdict => {
      const stored = file.read(C.CHECKSUM_PAGE * C.PAGE_BYTES + page * 4, 4).readUInt32LE()
      if (stored === 0) return isClear(bytes) ? undefined : 'unknown'
      return pageChecksum(bytes) === stored ? 'right' : 'wrong'
    }
    const image = wreckageOf(C.CHECKSUM_PAGE, endPage, { read, verdictOn, onProgress })
    return {
      image, capacityBytes: undefined, lostOfLog: NO_SLOT, cutOff: '', damagedHead: '',
      isRegion: false,
    }
  } finally {
    file.close()
  }
}

/** Throws a UsageError for a shared vector, and what `fs` throws. */
export function readWreckage(path: string, onProgress: OnProgress = () => {}): Wreckage {
  try {
    return readRegion(path, (region) => ofRegion(region, onProgress))
  } catch (error) {
    if (error instanceof NotReadable) return ofBytes(path, onProgress)
    throw error
  }
}
