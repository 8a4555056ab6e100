/**
 * What runs in the page: draws each map of pages and lets people walk around in it. It is put into
 * the page as it is compiled, so it imports nothing but types.
 *
 * The map is a grid of tiles in reading order. From one level of zoom to the next a tile is half as
 * many groups of pages, down to one; then tiles get larger.
 */
import type { Browser, Context, Element, Pointer } from './dom.js'
import type { MapData } from './map-data.js'

const browser = globalThis as unknown as Browser
const { document } = browser

const TILE = 11
const TILES = [16, 24, 36, 54] as const
const GAP = 1
/** Of fill: the part of a tile that is not in use is shown this faint. */
const FAINT = 0.28
const DIMMED = 0.12
const NAME_COLOURS = 10

type Mode = 'use' | 'name' | 'fill' | 'memory'

interface Columns {
  use: Uint8Array
  fill: Uint8Array
  state: Uint8Array
  name: Uint16Array
}

/** A tile: so many groups, summed up. */
interface Tile {
  first: number
  end: number
  use: number
  name: number
  /** 0 … 1. */
  fill: number
  memory: number
  inLog: boolean
  wrong: boolean
}

async function decode({ columns, groupCount }: MapData): Promise<Columns> {
  const packed = Uint8Array.from(atob(columns), (char) => char.charCodeAt(0))
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  const bytes = await new Response(stream).arrayBuffer()
  const part = (index: number) => new Uint8Array(bytes, index * groupCount, groupCount)
  const name = new Uint16Array(bytes.slice(3 * groupCount))
  return { use: part(0), fill: part(1), state: part(2), name }
}

/** The number that most of some have. */
class Majority {
  private readonly counts = new Map<number, number>()

  add(value: number): void {
    this.counts.set(value, (this.counts.get(value) ?? 0) + 1)
  }

  take(): number {
    let [best, most] = [0, 0]
    for (const [value, count] of this.counts) {
      if (count > most) [best, most] = [value, count]
    }
    this.counts.clear()
    return best
  }
}

const make = (tag: string, className: string, text = ''): Element => {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

const number = (value: number): string => value.toLocaleString('en')

class PageMapView {
  private level = 0
  private start = 0
  private mode: Mode = 'use'
  /** The only use or name that is not dimmed; −1: all are shown. */
  private lit = -1
  private readonly uses = new Majority()
  private readonly names = new Majority()
  private colours: string[] = []
  private drawn = false

  private readonly strip = make('canvas', 'strip')
  private readonly grid = make('canvas', 'grid')
  private readonly tip = make('div', 'tip')
  private readonly picked = make('div', 'picked quiet')
  private readonly scale = make('span', 'quiet')
  private readonly legend = make('ul', 'legend')
  private readonly closer = make('button', '', 'Zoom in')
  private readonly wider = make('button', '', 'Zoom out')
  private readonly whole = make('button', '', 'Whole file')
  private readonly chooser = make('select', '')

  constructor(private readonly data: MapData, private readonly columns: Columns, target: Element) {
    this.grid.tabIndex = 0
    this.grid.setAttribute('role', 'img')
    this.grid.setAttribute('aria-label', 'Map of the pages. Arrow keys move, + and − zoom.')
    this.strip.setAttribute('aria-hidden', 'true')
    this.picked.setAttribute('aria-live', 'polite')
    this.picked.textContent = 'Click a tile to keep its details here.'
    this.tip.hidden = true
    const tools = make('div', 'tools')
    const label = make('label', '', 'Colour by ')
    label.append(this.chooser)
    tools.append(label, this.closer, this.wider, this.whole, this.scale)
    const map = make('div', 'map')
    map.append(this.strip, this.grid, this.tip)
    target.replaceChildren(tools, map, this.picked, this.legend)
    this.offerModes()
    this.listen()
    this.zoom(0, 0, 0)
  }

  private offerModes(): void {
    const modes: [Mode, string][] = [['use', 'use'], ['name', 'name'], ['fill', 'how full']]
    if (this.data.memoryKnown) modes.push(['memory', 'in memory'])
    this.chooser.append(...modes.map(([mode, text]) => {
      const option = make('option', '', text)
      option.value = mode
      return option
    }))
  }

  // ── where we are ──

  private get columnCount(): number {
    return Math.max(1, Math.floor(this.grid.clientWidth / this.tileSize))
  }

  private get rowCount(): number {
    return Math.max(1, Math.floor(this.grid.clientHeight / this.tileSize))
  }

  /** Levels at which tiles have their least size: at the first, all fit. */
  private get halvings(): number {
    const tiles = Math.floor(this.grid.clientWidth / TILE) * Math.floor(400 / TILE)
    return Math.max(0, Math.ceil(Math.log2(this.data.groupCount / Math.max(1, tiles))))
  }

  private get lastLevel(): number {
    return this.halvings + TILES.length
  }

  /** The closest level at which the whole file is seen: small files get large tiles at once. */
  private get firstLevel(): number {
    const { clientWidth: width, clientHeight: height } = this.grid
    const fits = (size: number) =>
      Math.floor(width / size) * Math.floor(height / size) >= this.data.groupCount
    return this.halvings > 0 ? 0 : TILES.filter(fits).length
  }

  private get tileSize(): number {
    const larger = this.level - this.halvings
    return larger <= 0 ? TILE : TILES[Math.min(larger, TILES.length) - 1]!
  }

  private get groupsPerTile(): number {
    return 2 ** Math.max(0, this.halvings - this.level)
  }

  private get tilesShown(): number {
    return this.columnCount * this.rowCount
  }

  /** Moves so that a group is `share` of the window down. */
  private zoom(steps: number, group: number, share: number): void {
    this.level = Math.min(this.lastLevel, Math.max(this.firstLevel, this.level + steps))
    this.moveTo(group - this.tilesShown * this.groupsPerTile * share)
  }

  private moveTo(group: number): void {
    const row = this.columnCount * this.groupsPerTile
    const span = this.rowCount * row
    const last = Math.max(0, Math.ceil((this.data.groupCount - span) / row) * row)
    this.start = Math.min(last, Math.max(0, Math.round(group / row) * row))
    this.draw()
  }

  private get middle(): number {
    return this.start + this.tilesShown * this.groupsPerTile / 2
  }

  // ── what is there ──

  private tile(first: number, end: number): Tile {
    const { use, fill, state, name } = this.columns
    let [filled, memory, states] = [0, 0, 0]
    for (let i = first; i < end; i++) {
      this.uses.add(use[i]!)
      this.names.add(name[i]!)
      filled += fill[i]!
      memory += state[i]! >>> 4
      states |= state[i]!
    }
    const count = end - first
    return {
      first, end, use: this.uses.take(), name: this.names.take(), fill: filled / count / 100,
      memory: memory / count / 15, inLog: (states & 1) !== 0, wrong: (states & 2) !== 0,
    }
  }

  private tileAt({ offsetX, offsetY }: Pointer): Tile | undefined {
    const [column, row] = [offsetX, offsetY].map((at) => Math.floor(at / this.tileSize))
    if (column! >= this.columnCount || row! >= this.rowCount) return undefined
    const first = this.start + (row! * this.columnCount + column!) * this.groupsPerTile
    if (first < 0 || first >= this.data.groupCount) return undefined
    return this.tile(first, Math.min(this.data.groupCount, first + this.groupsPerTile))
  }

  private describe(tile: Tile): string {
    const { pagesPerGroup, pageCount, uses, names, memoryKnown } = this.data
    const first = tile.first * pagesPerGroup
    const last = Math.min(pageCount, tile.end * pagesPerGroup) - 1
    const many = last > first
    const percent = (share: number) => `${Math.round(share * 100)} %`
    return [
      many ? `Pages ${number(first)} – ${number(last)}` : `Page ${number(first)}`,
      `${many ? 'mostly ' : ''}${uses[tile.use]?.name ?? '?'}`,
      ...tile.name === 0 ? [] : [`of ${names[tile.name - 1] ?? '?'}`],
      `${percent(tile.fill)} in use`,
      ...memoryKnown ? [`${many ? percent(tile.memory) : tile.memory > 0 ? '' : 'not'} in memory`
        .trim()] : [],
      ...tile.inLog ? ['changed by the log, since the checkpoint'] : [],
      ...tile.wrong ? ['DAMAGED: wrong checksum'] : [],
    ].join('\n')
  }

  // ── drawing ──

  private readColours(): void {
    const styles = browser.getComputedStyle(document.documentElement)
    const value = (name: string) => styles.getPropertyValue(name).trim()
    const uses = this.data.uses.map(({ key }) => value(`--use-${key}`))
    const names = Array.from({ length: NAME_COLOURS }, (_, i) => value(`--name-${i}`))
    this.colours = this.mode === 'name' ? [value('--use-unused'), ...names] : uses
    this.plain = {
      bad: value('--use-unknown'), accent: value('--accent'), bar: value('--bar-1'),
      empty: value('--use-unused'),
    }
  }

  private plain = { bad: '', accent: '', bar: '', empty: '' }

  private nameColour(name: number): number {
    return name === 0 ? 0 : (name - 1) % NAME_COLOURS + 1
  }

  /** Colour, how much of the tile is in it, and whether it is dimmed. */
  private look(tile: Tile): [colour: string, share: number, alpha: number] {
    const { mode, lit, plain } = this
    const key = mode === 'name' ? tile.name : tile.use
    const alpha = lit >= 0 && key !== lit && (mode === 'use' || mode === 'name') ? DIMMED : 1
    if (tile.wrong) return [plain.bad, 1, 1]
    if (mode === 'fill') return [plain.bar, tile.fill, 1]
    if (mode === 'memory') return [plain.bar, tile.memory, 1]
    if (mode === 'name') return [this.colours[this.nameColour(tile.name)]!, tile.fill, alpha]
    return [this.colours[tile.use]!, tile.fill, alpha]
  }

  private drawTile(context: Context, tile: Tile, x: number, y: number, size: number): void {
    const [colour, share, alpha] = this.look(tile)
    const solid = this.mode === 'use' && ['free', 'unused', 'unknown']
      .includes(this.data.uses[tile.use]?.key ?? '')
    context.fillStyle = colour
    context.globalAlpha = alpha * (solid ? 1 : FAINT)
    context.fillRect(x, y, size, size)
    if (solid) return
    const height = Math.round(size * share)
    context.globalAlpha = alpha
    context.fillRect(x, y + size - height, size, height)
  }

  private prepare(canvas: Element): Context {
    const ratio = browser.devicePixelRatio
    canvas.width = Math.round(canvas.clientWidth * ratio)
    canvas.height = Math.round(canvas.clientHeight * ratio)
    const context = canvas.getContext('2d')
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight)
    return context
  }

  private drawGrid(): void {
    const context = this.prepare(this.grid)
    const { tileSize, columnCount, groupsPerTile } = this
    const { groupCount } = this.data
    for (let i = 0; i < this.tilesShown; i++) {
      const first = this.start + i * groupsPerTile
      if (first >= groupCount) break
      const tile = this.tile(first, Math.min(groupCount, first + groupsPerTile))
      const [x, y] = [i % columnCount * tileSize, Math.floor(i / columnCount) * tileSize]
      this.drawTile(context, tile, x, y, tileSize - GAP)
    }
    context.globalAlpha = 1
  }

  /** The whole file in one line, and which part of it is below. */
  private drawStrip(): void {
    const context = this.prepare(this.strip)
    const { clientWidth: width, clientHeight: height } = this.strip
    const { groupCount } = this.data
    for (let x = 0; x < width; x++) {
      const first = Math.floor(x / width * groupCount)
      const end = Math.max(first + 1, Math.floor((x + 1) / width * groupCount))
      const [colour, , alpha] = this.look(this.tile(first, Math.min(end, groupCount)))
      context.globalAlpha = alpha
      context.fillStyle = colour
      context.fillRect(x, 4, 1, height - 8)
    }
    const span = this.tilesShown * this.groupsPerTile
    const [from, to] = [this.start, Math.min(groupCount, this.start + span)]
      .map((group) => group / groupCount * width)
    context.globalAlpha = 1
    context.strokeStyle = this.plain.accent
    context.lineWidth = 2
    context.strokeRect(from! + 1, 1, Math.max(3, to! - from! - 2), height - 2)
  }

  private draw(): void {
    if (this.drawn) return
    this.drawn = true
    browser.requestAnimationFrame(() => {
      this.drawn = false
      this.readColours()
      this.drawGrid()
      this.drawStrip()
      this.drawLegend()
      const pages = this.groupsPerTile * this.data.pagesPerGroup
      this.scale.textContent = pages === 1 ? 'one tile is one page of 4 KiB'
        : `one tile is ${number(pages)} pages (${number(pages * 4)} KiB)`
      this.closer.disabled = this.level === this.lastLevel
      this.wider.disabled = this.level === this.firstLevel
      this.whole.disabled = this.level === this.firstLevel
    })
  }

  private drawLegend(): void {
    const { uses, names } = this.data
    const entries = this.mode === 'name'
      ? ['no name', ...names].map((name, i) => ({ name, i, colour: this.nameColour(i) }))
      : uses.map(({ name }, i) => ({ name, i, colour: i }))
    const column = this.mode === 'name' ? this.columns.name : this.columns.use
    const there = new Set<number>(column)
    const isKeyed = this.mode === 'use' || this.mode === 'name'
    this.legend.hidden = !isKeyed
    if (!isKeyed) return
    this.legend.replaceChildren(...entries.filter(({ i }) => there.has(i)).slice(0, 60)
      .map(({ name, i, colour }) => {
        const swatch = make('span', 'swatch')
        swatch.style.background = this.colours[colour]!
        const button = make('button', '')
        button.append(swatch, name)
        button.setAttribute('aria-pressed', String(this.lit === i))
        button.addEventListener('click', () => {
          this.lit = this.lit === i ? -1 : i
          this.draw()
        })
        const item = make('li', '')
        item.append(button)
        return item
      }))
  }

  // ── what people do ──

  private listen(): void {
    const { grid, strip } = this
    grid.addEventListener('wheel', (event) => {
      event.preventDefault()
      const tile = this.tileAt(event)
      const share = event.offsetY / grid.clientHeight
      this.zoom(event.deltaY < 0 ? 1 : -1, tile?.first ?? this.middle, share)
    }, { passive: false })
    grid.addEventListener('pointermove', (event) => this.showTip(event))
    grid.addEventListener('pointerleave', () => {
      this.tip.hidden = true
    })
    grid.addEventListener('click', (event) => this.pick(event))
    grid.addEventListener('dblclick', (event) =>
      this.zoom(2, this.tileAt(event)?.first ?? this.middle, 0.5))
    grid.addEventListener('keydown', (event) => this.press(event))
    const drag = (event: Pointer) => {
      const group = event.offsetX / strip.clientWidth * this.data.groupCount
      if (event.buttons > 0) this.moveTo(group - this.tilesShown * this.groupsPerTile / 2)
    }
    strip.addEventListener('pointerdown', (event) => {
      strip.setPointerCapture(event.pointerId)
      drag(event)
    })
    strip.addEventListener('pointermove', drag)
    this.closer.addEventListener('click', () => this.zoom(1, this.middle, 0.5))
    this.wider.addEventListener('click', () => this.zoom(-1, this.middle, 0.5))
    this.whole.addEventListener('click', () => this.zoom(-this.level, 0, 0))
    this.chooser.addEventListener('change', () => {
      this.mode = this.chooser.value as Mode
      this.lit = -1
      this.draw()
    })
    browser.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw())
    browser.addEventListener('resize', () => this.zoom(0, this.start, 0))
  }

  private showTip(event: Pointer): void {
    const tile = this.tileAt(event)
    this.tip.hidden = tile === undefined
    if (tile === undefined) return
    this.tip.textContent = this.describe(tile)
    const left = Math.min(event.offsetX + 16, Math.max(0, this.grid.clientWidth - 280))
    this.tip.style.left = `${left}px`
    this.tip.style.top = `${event.offsetY + this.strip.clientHeight + 26}px`
  }

  private pick(event: Pointer): void {
    const tile = this.tileAt(event)
    if (tile === undefined) return
    const page = tile.first * this.data.pagesPerGroup
    const command = make('code', '', `rstore inspect ${this.data.file} --page ${page}`)
    this.picked.replaceChildren(`${this.describe(tile).split('\n').join(', ')}. `, command)
  }

  private press(event: Pointer): void {
    const row = this.columnCount * this.groupsPerTile
    const actions: Record<string, () => void> = {
      '+': () => this.zoom(1, this.middle, 0.5),
      '=': () => this.zoom(1, this.middle, 0.5),
      '-': () => this.zoom(-1, this.middle, 0.5),
      'ArrowDown': () => this.moveTo(this.start + row),
      'ArrowUp': () => this.moveTo(this.start - row),
      'PageDown': () => this.moveTo(this.start + row * this.rowCount),
      'PageUp': () => this.moveTo(this.start - row * this.rowCount),
      'Home': () => this.moveTo(0),
      'End': () => this.moveTo(this.data.groupCount),
    }
    const action = actions[event.key]
    if (action === undefined) return
    event.preventDefault()
    action()
  }
}

for (const source of document.querySelectorAll('script[type="application/json"]')) {
  const data = JSON.parse(source.textContent ?? '') as MapData
  const target = document.getElementById(data.target)!
  new PageMapView(data, await decode(data), target)
}
