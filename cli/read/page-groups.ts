/** A page map in fewer pieces: so many pages to each that there are no more pieces than wanted. */
import { FLAG, USES, useOf, type PageMap, type Use } from './page-map.js'

export interface PageGroup {
  first: number
  count: number
  /** What most of its pages are. */
  use: Use
  /** Percent of its bytes that are in use. */
  fill: number
  /** Index in the catalog, plus 1, of what most of its pages belong to; 0: nothing. */
  owner: number
  /** Pages of it that are so. */
  inMemory: number
  inLog: number
  wrong: number
}

/** The smallest power of two that is enough. */
export const pagesPerGroup = (pageCount: number, mostGroups: number): number =>
  2 ** Math.max(0, Math.ceil(Math.log2(pageCount / mostGroups)))

class Grouping {
  private readonly uses = new Uint32Array(USES.length)
  private readonly owners = new Map<number, number>()

  constructor(private readonly map: PageMap) {}

  /** What most pages are; what cannot be read is never outvoted. */
  private mainUse(): Use {
    const unknown = USES.indexOf('unknown')
    if (this.uses[unknown]! > 0) return 'unknown'
    return useOf(this.uses.indexOf(Math.max(...this.uses)))
  }

  group(first: number, end: number): PageGroup {
    const { map, uses, owners } = this
    uses.fill(0)
    owners.clear()
    let [fill, inMemory, inLog, wrong] = [0, 0, 0, 0]
    for (let page = first; page < end; page++) {
      const [owner, flags] = [map.owner[page]!, map.flags[page]!]
      uses[map.use[page]!]!++
      fill += map.fill[page]!
      if (owner !== 0) owners.set(owner, (owners.get(owner) ?? 0) + 1)
      if (flags & FLAG.inMemory) inMemory++
      if (flags & FLAG.inLog) inLog++
      if (flags & FLAG.wrong) wrong++
    }
    const [owner = 0] = [...owners].sort((a, b) => b[1] - a[1])[0] ?? []
    const count = end - first
    return {
      first, count, use: this.mainUse(), fill: Math.round(fill / count), owner,
      inMemory, inLog, wrong,
    }
  }
}

export function* pageGroups(map: PageMap, perGroup: number): Generator<PageGroup> {
  const grouping = new Grouping(map)
  for (let first = 0; first < map.pageCount; first += perGroup) {
    yield grouping.group(first, Math.min(first + perGroup, map.pageCount))
  }
}

export interface UseTotals {
  use: Use
  pages: number
  /** Bytes of this use, wherever they are. */
  bytes: number
  fill: number
  inMemory: number
  wrong: number
}

/** What there is of each use, the most first. */
export function useTotals(map: PageMap): UseTotals[] {
  const totals = USES.map((use): UseTotals =>
    ({ use, pages: 0, bytes: map.useBytes[use], fill: 0, inMemory: 0, wrong: 0 }))
  for (let page = 0; page < map.pageCount; page++) {
    const total = totals[map.use[page]!]!
    total.pages++
    total.fill += map.fill[page]!
    if (map.flags[page]! & FLAG.inMemory) total.inMemory++
    if (map.flags[page]! & FLAG.wrong) total.wrong++
  }
  return totals.filter(({ pages, bytes }) => pages > 0 || bytes > 0)
    .map((total) => ({ ...total, fill: Math.round(total.fill / Math.max(1, total.pages)) }))
    .sort((a, b) => b.pages - a.pages)
}
