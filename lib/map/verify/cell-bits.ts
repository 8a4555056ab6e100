/** A bit for each unit at which a cell may begin, in pages that are made when they are needed. */

/** A block of a pool. Costs 1 KiB, an eighth of a byte for each 8 bytes. */
const PAGE_BITS = 0x2000

export class CellBits {
  private readonly pages: (Uint32Array | undefined)[] = []

  has(ref: number): boolean {
    const page = this.pages[Math.floor(ref / PAGE_BITS)]
    return page !== undefined && (page[(ref % PAGE_BITS) >>> 5]! & (1 << (ref & 31))) !== 0
  }

  add(ref: number): void {
    const index = Math.floor(ref / PAGE_BITS)
    const page = (this.pages[index] ??= new Uint32Array(PAGE_BITS / 32))
    page[(ref % PAGE_BITS) >>> 5]! |= 1 << (ref & 31)
  }

  /** Whether it was there. */
  delete(ref: number): boolean {
    if (!this.has(ref)) return false
    this.pages[Math.floor(ref / PAGE_BITS)]![(ref % PAGE_BITS) >>> 5]! &= ~(1 << (ref & 31))
    return true
  }

  /** Those that are there, rising; the bits may be changed meanwhile. */
  *refs(): IterableIterator<number> {
    for (const [index, page] of this.pages.entries()) {
      for (let i = 0; page !== undefined && i < page.length; i++) {
        for (let bit = 0; page[i]! >>> bit !== 0; bit++) {
          if ((page[i]! >>> bit) & 1) yield index * PAGE_BITS + i * 32 + bit
          if (bit === 31) break
        }
      }
    }
  }
}
