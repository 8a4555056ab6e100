/** The page map as the page has it: five bytes for each group of pages, compressed. */
import { deflateRawSync } from 'node:zlib'
import { pageGroups, pagesPerGroup } from '../read/page-groups.js'
import { USES, type PageMap } from '../read/page-map.js'

/** What the browser gets; see client.ts. */
export interface MapData {
  /** Where it is to be drawn: the id of an element. */
  target: string
  file: string
  pageCount: number
  pagesPerGroup: number
  groupCount: number
  memoryKnown: boolean
  /** By their numbers: key for styles, and what people read. */
  uses: { key: string; name: string }[]
  names: string[]
  /**
   * Base 64 of the deflated columns, each with an entry for every group: use (u8), fill in percent
   * (u8), state (u8: FLAGS), name (u16, 0 for none, else the number in `names` plus 1).
   */
  columns: string
}

/** More are put together: so that the page stays small, and is drawn at once. */
const MOST_GROUPS = 2 ** 20

/** Bits of the state; above them, in the upper half, sixteenths of the pages in memory. */
const STATE = Object.freeze({ inLog: 1, wrong: 2 })

export function encodeColumns(map: PageMap, mostGroups = MOST_GROUPS) {
  const perGroup = pagesPerGroup(map.pageCount, mostGroups)
  const count = Math.ceil(map.pageCount / perGroup)
  const bytes = Buffer.alloc(count * 5)
  let i = 0
  for (const { use, fill, owner, inMemory, inLog, wrong, count: pages } of
    pageGroups(map, perGroup)) {
    bytes[i] = USES.indexOf(use)
    bytes[count + i] = fill
    bytes[2 * count + i] = (inLog > 0 ? STATE.inLog : 0) | (wrong > 0 ? STATE.wrong : 0)
      | Math.round(inMemory / pages * 15) << 4
    bytes.writeUInt16LE(owner, 3 * count + 2 * i)
    i++
  }
  const columns = deflateRawSync(bytes).toString('base64')
  return { pagesPerGroup: perGroup, groupCount: count, columns }
}
