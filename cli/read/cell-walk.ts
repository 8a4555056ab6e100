/**
 * Walks over the cells of a region, from the lowest address to the highest, as they lie. Where the
 * chain of sizes breaks, it goes on at the next page that begins with a node or a free page: those
 * are the only cells that are known to begin a page.
 */
import { C } from '../../formats/index.js'
import { PAGE_UNITS, refOfPage, WINDOW_UNITS } from './cells.js'
import type { RegionImage } from './region.js'

export interface CellVisitor {
  /**
   * The header is `words[index]` and the next; of a node all of it follows. The walk goes on when
   * this gives true.
   */
  cell(
    ref: number, units: number, typeId: number, free: boolean, words: Uint32Array, index: number,
  ): boolean
  /** Units that no cell explains. */
  gap(ref: number, units: number): boolean
  /** Called now and then with the ref that has been reached. */
  progress?(ref: number): void
}

const CHUNK_PAGES = 32
const CHUNK_UNITS = refOfPage(CHUNK_PAGES)

/** Whether what begins a page may be a cell that always does. */
function mayBeginPage(words: Uint32Array, index: number): boolean {
  const [sizeAndFlags, type] = [words[index]!, words[index + 1]! & 0xffff]
  const units = sizeAndFlags & C.CELL_SIZE_MASK
  if ((sizeAndFlags & C.CELL_FREE) !== 0) return false
  if (type === C.TYPE_FREE_PAGE) return units > 0 && units % PAGE_UNITS === 0
  const kind = words[index + 2]! & 0xff
  return type === C.TYPE_NODE && units === PAGE_UNITS && kind >= C.NODE_LEAF_FIXED
    && kind <= C.NODE_INNER_SLOTTED
}

class Walk {
  /** Pages from `chunkRef` on. */
  private words: Uint32Array = new Uint32Array(0)
  private chunkRef = -1

  constructor(
    private readonly image: RegionImage,
    private readonly end: number,
    private readonly visitor: CellVisitor,
  ) {}

  /** Index of a ref's first word in `words`. */
  private load(ref: number): number {
    const chunk = Math.floor(ref / CHUNK_UNITS) * CHUNK_UNITS
    if (chunk !== this.chunkRef) {
      const bytes = this.image.pages.read(chunk * C.UNIT_BYTES, CHUNK_UNITS * C.UNIT_BYTES)
      this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
      this.chunkRef = chunk
      this.visitor.progress?.(ref)
    }
    return (ref - chunk) * 2
  }

  private isCell(ref: number, units: number, typeId: number): boolean {
    const last = ref + units - 1
    return units >= C.MINIMUM_CELL_UNITS && typeId !== 0 && last < this.end
      && Math.floor(ref / WINDOW_UNITS) === Math.floor(last / WINDOW_UNITS)
  }

  /** The next page, from `ref` on, where cells may go on. */
  private resume(ref: number): number {
    for (let at = Math.ceil((ref + 1) / PAGE_UNITS) * PAGE_UNITS; at < this.end; at += PAGE_UNITS) {
      if (at % WINDOW_UNITS === 0 || mayBeginPage(this.words, this.load(at))) return at
    }
    return this.end
  }

  run(first: number): void {
    for (let ref = first; ref < this.end;) {
      const index = this.load(ref)
      const { words } = this
      const units = words[index]! & C.CELL_SIZE_MASK
      const typeId = words[index + 1]! & 0xffff
      if (this.isCell(ref, units, typeId)) {
        const free = (words[index]! & C.CELL_FREE) !== 0 || typeId === C.TYPE_FREE_PAGE
        if (!this.visitor.cell(ref, units, typeId, free, words, index)) return
        ref += units
      } else {
        const next = this.resume(ref)
        if (!this.visitor.gap(ref, next - ref)) return
        ref = next
      }
    }
  }
}

/** Where a walk ends: past the end of the file and of the log everything is zero. */
export const walkableEnd = (image: RegionImage): number =>
  Math.min(image.endUnits, refOfPage(image.pages.endPage))

/** @param first where a cell begins */
export function walkCells(
  image: RegionImage, first: number, end: number, visitor: CellVisitor,
): void {
  new Walk(image, Math.min(end, walkableEnd(image)), visitor).run(first)
}
