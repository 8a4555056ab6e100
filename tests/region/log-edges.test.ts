/**
 * A durable slot near the end of a log segment: where the next record's header does not fit behind
 * it, the chain goes on in the next segment, and the slot's own may be used for something else. The
 * files are copied as a crash would leave them, and the copy is recovered.
 */
import { copyFileSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readRegion } from '../../cli/read/region.js'
import { C, CheckpointSlot, PageEntry, RedoRecord } from '../../formats/index.js'
import { Region, t } from '../../lib/index.js'
import { verifyFile, withRegion, type Place } from '../harness/with-region.js'

const test = suite('log edges')

const RECORDS = 4000
const FREE_NUMBERS = Array.from({ length: 8 }, () => t.f64)
/** Longer than a line, so that no two of them have their number in the same one. */
const Wide = t.struct('Wide', { value: t.f64, rest: t.tuple(...FREE_NUMBERS) })
const wideOf = (region: Pick<Region, 'map'>) => region.map('wide', t.u32, Wide)

/** Where the durable slot says that the log goes on. */
function slotPosition(path: string): number {
  const bytes = readFileSync(path)
  const slots = [0, 1].map((index) => {
    const at = (C.FIRST_SLOT_PAGE + index) * C.PAGE_BYTES
    const field = (name: 'sequence' | 'logPosition'): number =>
      Number(bytes.readBigUInt64LE(at + CheckpointSlot.fields[name].offset))
    return { sequence: field('sequence'), position: field('logPosition') }
  })
  return slots.sort((a, b) => b.sequence - a.sequence)[0]!.position
}

class Filled {
  readonly region: Region
  readonly path: string
  /** Numbers of the records whose value lies in a page, by page. */
  private readonly byPage = new Map<number, number[]>()
  private round = 0
  readonly expected = new Float64Array(RECORDS)

  constructor(place: Place, name: string) {
    this.path = place.path(name)
    this.region = place.create({ logBytes: '1MiB', capacity: '16MiB' }, name)
    const rest = FREE_NUMBERS.map(() => 0) as [number, ...number[]]
    this.region.transact(() => {
      for (let i = 0; i < RECORDS; i++) wideOf(this.region).set(i, { value: 0, rest })
    })
    this.region.read(() => {
      for (const [i, view] of wideOf(this.region).entries()) {
        const page = Math.floor(Number(this.region.refOf(view)) / (C.PAGE_BYTES / C.UNIT_BYTES))
        if (!this.byPage.has(page)) this.byPage.set(page, [])
        this.byPage.get(page)!.push(i)
      }
    })
  }

  /** One commit whose record has this many pages, and lines in all. */
  commit(pages: number, lines: number): void {
    this.round++
    const full = [...this.byPage.values()].filter((page) => page.length >= 20).slice(0, pages)
    const chosen = full.flatMap((page, i) => page.slice(0, i === 0 ? lines - pages + 1 : 1))
    assert.is(chosen.length, lines)
    this.region.transact(() => {
      for (const i of chosen) {
        wideOf(this.region).get(i)!.value = this.round
        this.expected[i] = this.round
      }
    })
  }

  async position(): Promise<number> {
    await this.region.checkpoint()
    return slotPosition(this.path)
  }

  /**
   * Until the log has come to a multiple of 16 bytes. Pages that go straight to the file leave 4
   * bytes each in the record, rounded up to 8: an odd number of pairs of them makes the step.
   */
  private async align(): Promise<void> {
    const filler = this.region.map('filler', t.u32, t.bytes)
    for (let pages = 70; (await this.position()) % 16 !== 0; pages++) {
      this.region.transact(() => filler.set(pages, new Uint8Array(pages * C.PAGE_BYTES)))
    }
  }

  /** Appends records until exactly `left` bytes of a segment are free behind the last. */
  async fillUpTo(left: number): Promise<void> {
    await this.align()
    const gap = async (): Promise<number> =>
      C.SEGMENT_BYTES - ((await this.position()) % C.SEGMENT_BYTES) - left
    while ((await gap()) > 6000) this.commit(20, 30)
    // 96 for the header, 16 a page, 64 a line: up to four pages reach each multiple of 16.
    const wanted = await gap()
    for (let pages = 1; pages <= 4; pages++) {
      const lines = (wanted - RedoRecord.bytes - pages * PageEntry.bytes) / C.LINE_BYTES
      if (!Number.isInteger(lines)) continue
      if (lines - pages < 20) return this.commit(pages, lines)
      this.commit(1, 10)
      return this.fillUpTo(left)
    }
    throw new Error(`no record has ${wanted} bytes`)
  }

  /** What a crash now leaves, opened. */
  async recoverCopy(path: string): Promise<void> {
    for (const suffix of ['', '-wal']) copyFileSync(this.path + suffix, path + suffix)
    assert.equal(readRegion(path, ({ problems }) => problems.list), [])
    const copy = Region.open(path)
    copy.read(() => {
      for (const [i, view] of wideOf(copy).entries()) assert.is(view.value, this.expected[i])
    })
    copy.close()
    await verifyFile(path)
  }
}

for (let left = 0; left <= RedoRecord.bytes + 16; left += 16) {
  test(
    `${left} bytes left behind the durable slot`,
    withRegion(async (place) => {
      const filled = new Filled(place, 'a.region')
      await filled.fillUpTo(left)
      const position = await filled.position()
      const inSegment = position % C.SEGMENT_BYTES
      assert.is(left === 0 ? inSegment : C.SEGMENT_BYTES - inSegment, left === 0 ? 64 : left)
      await filled.recoverCopy(place.path('before.region'))
      // The next segment takes the place of the first, which nobody needs any more.
      for (let i = 0; i < 3; i++) filled.commit(2, 3)
      assert.is(slotPosition(filled.path), position, 'no checkpoint since')
      await filled.recoverCopy(place.path('after.region'))
    }),
  )
}

test.run()
