/**
 * The second copy of each type descriptor of a region file. Without its descriptor the bytes of a
 * record mean nothing, and in a small region all descriptors lie on one page: a copy on another one
 * makes that page like any other.
 *
 *  D1. Copies lie on pages of their own, TYPE_DESCRIPTOR_COPIES, from page boundary to page
 *      boundary: never on a page where there is a cell with a descriptor. A descriptor longer than
 *      a page is in parts on several of them.
 *  D2. Many share a page: types come one by one and never go, so parts are appended, and what
 *      follows the last is not used yet.
 *  D3. A part names its type and its length: what was copied can be told from these pages alone,
 *      in any order, when nothing leads to them any more.
 *  D4. Either all types of a region have copies or none has: where there is no page yet, whoever
 *      stores a type first copies what was stored before.
 */
import { C, DescriptorCopies as Page, DescriptorPart as Part } from '../../formats/index.js'
import { STATE } from '../space/allocation-words.js'
import { byteIndexOf, PAGE_UNITS, wordIndexOf } from '../space/ref.js'
import type { Space } from '../space/space.js'
import { readText } from './text.js'

const HEAD_UNIT = STATE.copiesHead >>> 1
const NEXT = Page.fields.next.offset / 4
const USED = Page.fields.usedBytes.offset / 4
/** Bytes of a page for parts, and of a part for its descriptor. */
const ROOM = C.PAGE_BYTES - Page.bytes
const MOST = ROOM - Part.bytes

const padded = (bytes: number): number => (bytes + 7) & ~7

export class DescriptorCopies {
  constructor(private readonly space: Space) {}

  /** The page that was begun last; 0 when there is none. */
  get head(): number {
    return this.space.windows[0]!.u32[STATE.copiesHead]!
  }

  /** All pages; the link of each is read when the next is asked for. */
  *pages(): IterableIterator<number> {
    for (let page = this.head; page !== 0; page = this.word(page, NEXT)) yield page
  }

  /** Inside a transaction. The content is not empty. */
  add(typeId: number, content: Uint8Array): void {
    for (let from = 0; from < content.length; from += MOST) {
      this.addPart(typeId, content.subarray(from, from + MOST), from, content.length)
    }
  }

  private addPart(typeId: number, part: Uint8Array, from: number, length: number): void {
    const wanted = Part.bytes + padded(part.length)
    const isRoom = this.head !== 0 && this.word(this.head, USED) + wanted <= ROOM
    const page = isRoom ? this.head : this.begin()
    const used = this.word(page, USED)
    const window = this.space.windowOf(page)
    const at = byteIndexOf(page) + Page.bytes + used
    this.space.mark(page, Page.bytes)
    this.space.mark(page + (Page.bytes + used) / C.UNIT_BYTES, wanted)
    window.u32.set([typeId, from, length, part.length], at >>> 2)
    window.u8.set(part, at + Part.bytes)
    window.u32[wordIndexOf(page) + USED] = used + wanted
  }

  /** D1. A page that trees gave back is not clear. */
  private begin(): number {
    const { space, head } = this
    const page = space.allocatePage(C.TYPE_DESCRIPTOR_COPIES)
    const { u32 } = space.windowOf(page)
    const at = wordIndexOf(page)
    space.mark(page, C.PAGE_BYTES)
    u32.fill(0, at + NEXT, at + C.PAGE_BYTES / 4)
    u32[at + NEXT] = head
    space.mark(HEAD_UNIT, C.UNIT_BYTES)
    space.windows[0]!.u32[STATE.copiesHead] = page
    return page
  }

  private word(page: number, word: number): number {
    return this.space.windowOf(page).u32[wordIndexOf(page) + word]!
  }
}

interface FoundPart { readonly from: number; readonly length: number; readonly bytes: Uint8Array }

/** What such pages hold, whatever they hold. */
export class CopiedDescriptors {
  private readonly parts = new Map<number, FoundPart[]>()

  /** Numbers of types of which there are parts. */
  get ids(): number[] {
    return [...this.parts.keys()]
  }

  /** Whether a cell can be such a page. */
  static isPage(space: Space, ref: number): boolean {
    const units = space.windowOf(ref).u32[wordIndexOf(ref)]! & C.CELL_SIZE_MASK
    return space.typeIdOf(ref) === C.TYPE_DESCRIPTOR_COPIES && units === PAGE_UNITS
      && ref % PAGE_UNITS === 0
  }

  /** D3. Reads on up to what can be no part. */
  addPage(space: Space, page: number): void {
    const { u8, u32 } = space.windowOf(page)
    const start = byteIndexOf(page) + Page.bytes
    const end = start + Math.min(ROOM, u32[wordIndexOf(page) + USED]!)
    for (let at = start; at + Part.bytes < end;) {
      const word = at >>> 2
      const [typeId, from] = [u32[word]!, u32[word + 1]!]
      const [length, bytes] = [u32[word + 2]!, u32[word + 3]!]
      const next = at + Part.bytes + padded(bytes)
      if (bytes === 0 || bytes > MOST || next > end || from + bytes > length) return
      const parts = this.parts.get(typeId) ?? []
      parts.push({ from, length, bytes: u8.subarray(at + Part.bytes, at + Part.bytes + bytes) })
      this.parts.set(typeId, parts)
      at = next
    }
  }

  /** The text of a descriptor of which all parts are there; else undefined. */
  textOf(typeId: number): string | undefined {
    const parts = (this.parts.get(typeId) ?? []).sort((a, b) => a.from - b.from)
    let end = 0
    for (const { from, length, bytes } of parts) {
      if (from !== end || length !== parts[0]!.length) return undefined
      end += bytes.length
    }
    if (end === 0 || end !== parts[0]!.length) return undefined
    const content = new Uint8Array(end)
    for (const { from, bytes } of parts) content.set(bytes, from)
    return readText(content, 0, end)
  }
}
