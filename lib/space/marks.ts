/**
 * Marks: which lines of a contiguous space the running transaction changes, and what they held
 * before.
 *
 * A line is 64 bytes. Levels: the transaction is level 0, every savepoint in it one more. Each
 * level has
 *   - a fresh line: from it on nothing existed when the level began. At level 0 that is the
 *     committed end, rounded up to a line, at a savepoint the frontier of that moment, rounded up;
 *   - a bitmap, one bit for each line below the fresh line, and the list of pages that have a bit
 *     set;
 *   - a stretch of the undo log: for each bit one entry, the line's number and its 64 bytes when
 *     the level first marked it.
 *
 * Why a rollback is right:
 *  M1. The first mark of a line at a level saves it before it changes, if it existed when the level
 *      began.
 *  M2. Entries are played back last first. So if a line has several, the oldest of the level wins:
 *      what it held when the level began.
 *  M3. Rolling back a savepoint leaves its parent untouched: every line is again what the parent
 *      last knew, the parent's bits and entries never changed meanwhile, and the savepoint's own
 *      bits are cleared.
 *  M4. Releasing a savepoint hands on each of its entries whose line the parent needs (below its
 *      fresh line) and has not saved: such a line did not change since the parent began, so what it
 *      held when the savepoint began is what the parent must restore.
 *  M5. Fresh lines are not restored here. Whoever rolls back makes them read as zero again, when
 *      this is done: see ContiguousSpace.
 *  M6. What the transaction has added may be written to the file ahead of its commit (`advance`).
 *      From then on those lines are marked at all levels like any that existed, so that the commit
 *      knows which pages to write again. What is saved of them is of use to a savepoint that began
 *      later; for the others M5 holds: beyond the *base* line of a level, its fresh line when it
 *      began, whatever a rollback restores is made zero.
 *  M7. A savepoint that is rolled back puts back what it marked, but the file may have what was
 *      there before: written ahead while the savepoint ran. So pages that it marked beyond the
 *      committed end are marked at level 0.
 *
 * What commit needs is level 0 alone: its bitmap (native memory, so that the log can be gathered
 * from it) and its dirty pages. All lines from the fresh line to the frontier belong to the commit
 * too, without any bit.
 *
 * Costs follow what was changed, never what exists: bitmaps are cleared by their page lists; rolled
 * back lines are those saved. Lines are copied as bigints, of which the engine makes moves of 64
 * bits (half the time of 32-bit words): a double would lose the bits of a NaN.
 */
import { PAGE_UNITS } from './ref.js'
import type { Window } from './window.js'

const LINE_LONGS = 8
const LINES_OF_PAGE = 64
/** Of a line's number, where it is in its window. */
const LINE_MASK = 0x01ff_ffff
/** Entries of a chunk of the undo log: about a megabyte. */
const CHUNK_ENTRIES = 1 << 14
/** Chunks that are kept for the next transaction. */
const KEPT_CHUNKS = 4
/** Pages that the list of a level is kept long enough for. */
const KEPT_PAGES = 1 << 14

/** Some entries of the undo log: the numbers of lines, and what those held. */
class Chunk {
  readonly lines = new Uint32Array(CHUNK_ENTRIES)
  readonly held = new BigUint64Array(CHUNK_ENTRIES * LINE_LONGS)
}

/** One level of the transaction: see above. */
class Level {
  pages = new Uint32Array(64)
  pageCount = 0
  freshLine = 0
  /** The fresh line when the level began: M6. */
  baseLine = 0
  /** Entries of the undo log that belong to the levels below. */
  firstEntry = 0

  constructor(public bits: Uint32Array) {}

  begin(freshLine: number): void {
    this.cover(freshLine)
    this.baseLine = freshLine
  }

  /** A bitmap that covers the fresh line; only a savepoint's ever grows. */
  cover(freshLine: number): void {
    const { bits } = this
    const words = Math.ceil(freshLine / 64) * 2
    if (words > bits.length) {
      this.bits = new Uint32Array(2 ** Math.ceil(Math.log2(words)))
      this.bits.set(bits)
    }
    this.freshLine = freshLine
  }

  /** M6. */
  advance(line: number): void {
    if (line > this.freshLine) this.cover(line)
  }

  has(line: number): boolean {
    return (this.bits[line >>> 5]! & (1 << (line & 31))) !== 0
  }

  add(line: number): void {
    const { bits } = this
    const page = line >>> 6
    if (bits[page * 2] === 0 && bits[page * 2 + 1] === 0) this.addPage(page)
    bits[line >>> 5]! |= 1 << (line & 31)
  }

  private addPage(page: number): void {
    if (this.pageCount === this.pages.length) {
      const grown = new Uint32Array(this.pages.length * 2)
      grown.set(this.pages)
      this.pages = grown
    }
    this.pages[this.pageCount++] = page
  }

  clear(): void {
    const { bits, pages } = this
    for (let i = 0; i < this.pageCount; i++) {
      const word = pages[i]! * 2
      bits[word] = 0
      bits[word + 1] = 0
    }
    this.pageCount = 0
    if (pages.length > KEPT_PAGES) this.pages = new Uint32Array(64)
  }
}

export class Marks {
  private readonly levels: Level[]
  private level: Level
  private levelIndex = 0
  private chunks: Chunk[] = []
  private entryCount = 0
  /** Of the current level, for `mark`. */
  private bits: Uint32Array
  /**
   * Lines from here on need no mark at the current level; everything, while no transaction runs.
   */
  freshLine = 0

  /**
   * @param bitmap one bit for each line of the capacity, all zero; read by whoever commits
   */
  constructor(
    private readonly windows: readonly Window[],
    bitmap: Uint32Array,
  ) {
    this.level = new Level(bitmap)
    this.levels = [this.level]
    this.bits = bitmap
  }

  /** Begins level 0: everything from `endUnits` on is fresh. */
  open(endUnits: number): void {
    this.level.begin(freshLineOf(endUnits))
    this.enter(this.level)
  }

  /** M6: what lies before a page's first unit is in the file as it is now. */
  advance(units: number): void {
    const line = freshLineOf(units)
    for (let i = 0; i <= this.levelIndex; i++) this.levels[i]!.advance(line)
    this.enter(this.level)
  }

  /** Pages with a mark at any level, of those that begin in a stretch that was advanced over. */
  changedIn(fromUnits: number, endUnits: number): Uint32Array {
    const pages: number[] = []
    for (let page = Math.ceil(fromUnits / PAGE_UNITS); page < endUnits / PAGE_UNITS; page++) {
      for (let i = 0; i <= this.levelIndex; i++) {
        const { bits } = this.levels[i]!
        if ((bits[page * 2]! | bits[page * 2 + 1]!) === 0) continue
        pages.push(page)
        break
      }
    }
    return Uint32Array.from(pages)
  }

  /**
   * Pages with a bit set at level 0: valid up to `dirtyPageCount`, in no order. Only between
   * savepoints.
   */
  get dirtyPages(): Uint32Array {
    return this.levels[0]!.pages
  }

  get dirtyPageCount(): number {
    return this.levels[0]!.pageCount
  }

  /** Savepoints that are open. */
  get depth(): number {
    return this.levelIndex
  }

  /** Lines saved: what a rollback of everything would copy back. */
  get savedLineCount(): number {
    return this.entryCount
  }

  /** See Space.mark. */
  mark(ref: number, bytes: number): void {
    const last = (ref + ((bytes + 7) >>> 3) - 1) >>> 3
    for (let line = ref >>> 3; line <= last; line++) {
      if (line >= this.freshLine) return
      if ((this.bits[line >>> 5]! & (1 << (line & 31))) === 0) this.save(line)
    }
  }

  /** M1. */
  private save(line: number): void {
    // Where there is no memory, this throws before the line counts as saved.
    const { lines, held } = (this.chunks[this.entryCount / CHUNK_ENTRIES | 0] ??= new Chunk())
    this.level.add(line)
    const index = this.entryCount % CHUNK_ENTRIES
    lines[index] = line
    const { u64 } = this.windows[line >>> 25]!
    copyLine(u64, (line & LINE_MASK) * LINE_LONGS, held, index * LINE_LONGS)
    this.entryCount++
  }

  /** Begins a savepoint: everything from `frontierUnits` on is fresh to it. */
  begin(frontierUnits: number): void {
    const index = this.levelIndex + 1
    const level = (this.levels[index] ??= new Level(new Uint32Array(0)))
    level.begin(freshLineOf(frontierUnits))  // throws where there is no memory for it
    level.firstEntry = this.entryCount
    this.levelIndex = index
    this.enter(level)
  }

  /** Ends the innermost savepoint, keeping its changes: M4. */
  release(): void {
    const child = this.leave()
    const parent = this.level
    let kept = child.firstEntry
    for (let entry = kept; entry < this.entryCount; entry++) {
      const line = this.lineOfEntry(entry)
      if (line >= parent.freshLine || parent.has(line)) continue
      parent.add(line)
      if (kept !== entry) this.moveEntry(entry, kept)
      kept++
    }
    this.entryCount = kept
    child.clear()
  }

  /**
   * Ends the innermost savepoint, undoing its changes below its fresh line: M2, M3. Gives the pages
   * below the committed end that were written to.
   */
  rollback(): Uint32Array {
    const child = this.leave()
    this.restoreTo(child.firstEntry)
    const whole = this.levels[0]!
    const pages = child.pages.slice(0, child.pageCount)
    const isBefore = (page: number): boolean => (page + 1) * LINES_OF_PAGE <= whole.baseLine
    for (const page of pages) if (!isBefore(page)) this.markAhead(whole, page)
    child.clear()
    return pages.filter(isBefore)
  }

  /** M7. A line that stands for the page: that of the committed end is marked by itself. */
  private markAhead(whole: Level, page: number): void {
    const line = page * LINES_OF_PAGE
    if (line >= whole.baseLine && line < whole.freshLine) whole.add(line)
  }

  /** Undoes everything below the committed end, savepoints included, and forgets it: M2. */
  rollbackAll(): void {
    this.restoreTo(0)
    this.clear()
  }

  /** Forgets all marks: after a commit, which has taken what it needs. */
  clear(): void {
    while (this.levelIndex > 0) this.leave().clear()
    this.level.clear()
    this.entryCount = 0
    if (this.chunks.length > KEPT_CHUNKS) this.chunks.length = KEPT_CHUNKS
  }

  private enter(level: Level): void {
    this.level = level
    this.bits = level.bits
    this.freshLine = level.freshLine
  }

  private leave(): Level {
    const { level } = this
    if (this.levelIndex === 0) throw new Error('No savepoint is open.')
    this.enter(this.levels[--this.levelIndex]!)
    return level
  }

  private restoreTo(firstEntry: number): void {
    while (this.entryCount > firstEntry) {
      const entry = --this.entryCount
      const { lines, held } = this.chunks[entry / CHUNK_ENTRIES | 0]!
      const index = entry % CHUNK_ENTRIES
      const line = lines[index]!
      const { u64 } = this.windows[line >>> 25]!
      copyLine(held, index * LINE_LONGS, u64, (line & LINE_MASK) * LINE_LONGS)
    }
  }

  private lineOfEntry(entry: number): number {
    return this.chunks[entry / CHUNK_ENTRIES | 0]!.lines[entry % CHUNK_ENTRIES]!
  }

  private moveEntry(entry: number, to: number): void {
    const source = this.chunks[entry / CHUNK_ENTRIES | 0]!
    const target = this.chunks[to / CHUNK_ENTRIES | 0]!
    const from = entry % CHUNK_ENTRIES
    const index = to % CHUNK_ENTRIES
    target.lines[index] = source.lines[from]!
    copyLine(source.held, from * LINE_LONGS, target.held, index * LINE_LONGS)
  }
}

/** Written out: a loop takes half as long again. */
function copyLine(from: BigUint64Array, at: number, to: BigUint64Array, toAt: number): void {
  to[toAt] = from[at]!
  to[toAt + 1] = from[at + 1]!
  to[toAt + 2] = from[at + 2]!
  to[toAt + 3] = from[at + 3]!
  to[toAt + 4] = from[at + 4]!
  to[toAt + 5] = from[at + 5]!
  to[toAt + 6] = from[at + 6]!
  to[toAt + 7] = from[at + 7]!
}

/** The first line that begins at or past a unit. */
const freshLineOf = (units: number): number => Math.ceil(units / 8)
