/**
 * The packed regions that a region of a store names: a list of cells among its own data, so that it
 * commits and rolls back with the fields that name them. One cell for each packed region, with the
 * number of fields; a store counts the cells, not the fields.
 *
 * It is a skip list (Pugh, 1990), because a region may name a hundred thousand and each change
 * looks for one:
 *  O1. The list begins with a cell that names nothing (region id 0) and has all links. Then ids
 *      rise along `next`; whoever follows links and finds them not rising is in a damaged list.
 *  O2. Some cells have further links: link k leads to the next cell that has a link k, or to 0. How
 *      many a cell has follows from its id (`linksOf`): one more for a fourth of them each time.
 *  O3. The first cell is made for the first region that is named. In a region file it goes with the
 *      last one; a block region keeps it (OutboundHead).
 */
import { C, OutboundReference } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { STATE } from './allocation-words.js'
import { wordIndexOf } from './ref.js'
import type { Ref } from './ref.js'
import type { Space } from './space.js'
import type { Window } from './window.js'

const { next, regionId, count, links } = OutboundReference.fields
const NEXT = next.offset >>> 2
const REGION_ID = regionId.offset >>> 2
const COUNT = count.offset >>> 2
const LINKS = links.offset >>> 2
const HEAD_UNIT = STATE.outboundHead >>> 1
/** Further links of the first cell: enough for 4^11 regions. */
const MOST_LINKS = 11

/** O2. The hash is a 32-bit finalizer: neighbouring ids have nothing to do with each other. */
function linksOf(id: number): number {
  let hash = Math.imul(id ^ (id >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  hash ^= hash >>> 16
  const zeros = 31 - Math.clz32(hash & -hash)
  return hash === 0 ? MOST_LINKS : Math.min(MOST_LINKS, zeros >>> 1)
}

/** Word of a link in its cell. */
const wordOfLink = (link: number): number => (link === 0 ? NEXT : LINKS + link)

export interface Outbound { readonly ref: Ref; readonly regionId: number; readonly count: number }

/** Where a region keeps the ref of the first cell. */
export interface OutboundHead {
  /** 0: there is no list. */
  get(): Ref
  /** `create` makes the first cell. */
  begin(create: () => Ref): void
  /** Nothing is named any more: the first cell may be freed. */
  end(): void
}

/** In a region file: in its allocation state. */
class StateHead implements OutboundHead {
  constructor(private readonly space: Space) {}

  get(): Ref {
    return this.space.windows[0]!.u32[STATE.outboundHead]! as Ref
  }

  begin(create: () => Ref): void {
    this.set(create())
  }

  end(): void {
    const head = this.get()
    this.set(0 as Ref)
    this.space.free(head)
  }

  private set(ref: Ref): void {
    this.space.mark(HEAD_UNIT, 8)
    this.space.windows[0]!.u32[STATE.outboundHead] = ref
  }
}

const isCell = (windows: readonly Window[], ref: number): boolean =>
  windows[ref >>> 28] !== undefined
  && (windows[ref >>> 28]!.u32[wordIndexOf(ref) + 1]! & 0xffff) === C.TYPE_OUTBOUND

function* cellsFrom(windows: readonly Window[], head: Ref): IterableIterator<Outbound> {
  let last = -1
  for (let ref = head; ref !== 0 && isCell(windows, ref); ) {
    const { u32 } = windows[ref >>> 28]!
    const at = wordIndexOf(ref)
    const id = u32[at + REGION_ID]!
    if (id <= last) return
    last = id
    const after = u32[at + NEXT]! as Ref
    yield { ref, regionId: id, count: u32[at + COUNT]! }
    ref = after
  }
}

/** What is named in a list that begins at `head`; stops where it leaves its cells. */
export function* outboundFrom(windows: readonly Window[], head: Ref): IterableIterator<Outbound> {
  for (const cell of cellsFrom(windows, head)) if (cell.regionId !== 0) yield cell
}

/** Words of the window of a cell of the list that hold refs. */
export function outboundRefWords({ u32 }: Window, ref: number): number[] {
  const at = wordIndexOf(ref)
  const further = Math.min(u32[at + LINKS]!, MOST_LINKS)
  return Array.from({ length: further + 1 }, (_, link) => at + wordOfLink(link))
}

export class OutboundList {
  /** The last cell before the one that was looked for, on each level. */
  private readonly before: Ref[] = new Array<Ref>(MOST_LINKS + 1).fill(0 as Ref)

  constructor(
    private readonly space: Space,
    private readonly head: OutboundHead = new StateHead(space),
  ) {}

  /** What is named, by id; stops where the list leaves its cells. */
  list(): IterableIterator<Outbound> {
    return outboundFrom(this.space.windows, this.head.get())
  }

  /** All cells of the list, the first one too. */
  cells(): IterableIterator<Outbound> {
    return cellsFrom(this.space.windows, this.head.get())
  }

  /**
   * Ids of the packed regions that are named. Throws RSTORE_CORRUPT when the list does not end as
   * one must: whoever counts may not take a part for the whole.
   */
  ids(): number[] {
    const ids: number[] = []
    let end: number = this.head.get()
    for (const { ref, regionId: id } of this.cells()) {
      if (id !== 0) ids.push(id)
      end = this.link(ref, 0)
    }
    if (end !== 0) throw damaged(end)
    return ids
  }

  /** Whether all links lead where they must: O1, O2. */
  isSound(): boolean {
    const cells = [...this.cells()]
    const [head] = cells
    if (head === undefined) return this.head.get() === 0
    if (head.regionId !== 0 || this.links(head.ref) !== MOST_LINKS) return false
    for (let link = 0; link <= MOST_LINKS; link++) {
      const chain = cells.filter(({ ref }) => this.links(ref) >= link)
      const isLinked = chain.every(({ ref }, i) =>
        this.link(ref, link) === (chain[i + 1]?.ref ?? 0))
      if (!isLinked) return false
    }
    return cells.every(({ ref, regionId: id }) => id === 0 || this.links(ref) === linksOf(id))
  }

  has(id: number): boolean {
    return this.find(id) !== 0
  }

  /** One field more; true when it is the first. */
  retain(id: number): boolean {
    const found = this.find(id)
    if (found !== 0) {
      this.add(found, 1)
      return false
    }
    if (this.head.get() === 0) this.head.begin(() => this.create(0, MOST_LINKS))
    const ref = this.create(id, linksOf(id))
    this.find(id)
    for (let link = linksOf(id); link >= 0; link--) {
      const before = this.before[link]!
      this.space.windowOf(ref).u32[wordIndexOf(ref) + wordOfLink(link)] = this.link(before, link)
      this.setLink(before, link, ref)
    }
    this.add(ref, 1)
    return true
  }

  /** One field less; true when it was the last. */
  release(id: number): boolean {
    const ref = this.find(id)
    if (ref === 0 || this.add(ref, -1) > 0) return false
    for (let link = linksOf(id); link >= 0; link--) {
      this.setLink(this.before[link]!, link, this.link(ref, link))
    }
    this.space.free(ref)
    if (this.link(this.head.get(), 0) === 0) this.head.end()
    return true
  }

  private create(id: number, linkCount: number): Ref {
    const ref = this.space.allocate(OutboundReference.bytes - 8 + linkCount * 4, C.TYPE_OUTBOUND)
    const { u32 } = this.space.windowOf(ref)
    const at = wordIndexOf(ref)
    u32[at + REGION_ID] = id
    u32[at + LINKS] = linkCount
    return ref
  }

  private idOf(ref: Ref): number {
    return this.space.windowOf(ref).u32[wordIndexOf(ref) + REGION_ID]!
  }

  private links(ref: Ref): number {
    return this.space.windowOf(ref).u32[wordIndexOf(ref) + LINKS]!
  }

  private link(ref: Ref, link: number): Ref {
    return this.space.windowOf(ref).u32[wordIndexOf(ref) + wordOfLink(link)]! as Ref
  }

  private setLink(ref: Ref, link: number, to: Ref): void {
    this.space.mark(ref + (wordOfLink(link) >>> 1), 8)
    this.space.windowOf(ref).u32[wordIndexOf(ref) + wordOfLink(link)] = to
  }

  /** Its cell, or 0; then `before` is where it would be. Throws RSTORE_CORRUPT: O1. */
  private find(id: number): Ref {
    let ref = this.head.get()
    if (ref === 0) return ref
    if (!isCell(this.space.windows, ref)) throw damaged(ref)
    let found = 0 as Ref
    for (let link = MOST_LINKS; link >= 0; link--) {
      for (let after = this.link(ref, link); after !== 0; after = this.link(ref, link)) {
        const rises = isCell(this.space.windows, after) && this.idOf(after) > this.idOf(ref)
        if (!rises) throw damaged(after)
        if (this.idOf(after) >= id) {
          if (this.idOf(after) === id) found = after
          break
        }
        ref = after
      }
      this.before[link] = ref
    }
    if (found !== 0 && this.links(found) !== linksOf(id)) throw damaged(found)
    return found
  }

  private add(ref: Ref, fields: number): number {
    this.space.mark(ref, OutboundReference.bytes)
    return (this.space.windowOf(ref).u32[wordIndexOf(ref) + COUNT]! += fields)
  }
}

function damaged(ref: number): RStoreError {
  return new RStoreError('RSTORE_CORRUPT',
    'the list of the packed regions that a region names is damaged. Run "rstore verify"', { ref })
}
