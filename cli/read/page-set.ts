/** A set of page numbers; its memory grows with the part of the file that they are in. */

/** Pages that one piece of the bitmap is for: 4 KiB of bits, 128 MiB of the file. */
const PIECE_PAGES = 32_768

export class PageSet {
  private readonly pieces = new Map<number, Uint32Array>()

  has(page: number): boolean {
    const piece = this.pieces.get(Math.floor(page / PIECE_PAGES))
    const bit = page % PIECE_PAGES
    return piece !== undefined && (piece[bit >>> 5]! >>> (bit & 31) & 1) === 1
  }

  /** Whether it was not in it before. */
  add(page: number): boolean {
    const index = Math.floor(page / PIECE_PAGES)
    let piece = this.pieces.get(index)
    if (piece === undefined) this.pieces.set(index, piece = new Uint32Array(PIECE_PAGES / 32))
    const bit = page % PIECE_PAGES
    const [word, mask] = [bit >>> 5, 1 << (bit & 31)]
    if ((piece[word]! & mask) !== 0) return false
    piece[word]! |= mask
    return true
  }
}
