/**
 * Opens a page in Chromium, by day and by night, and does what a person would: in a process of its
 * own, because playwright makes code from strings. Prints what it saw, as JSON.
 */
import { chromium, type Browser } from 'playwright-core'

/** What was seen in one theme. */
export interface Visit {
  /** Errors, messages, and requests for anything but the file. */
  wrong: string[]
  tip: string
  scale: string
  picked: string
  /** Colours in the map. */
  colours: number
  title: string
  background: string
}

/** It has the machine not for itself. */
const PATIENCE_MS = 120_000
const PLACE = { position: { x: 30, y: 30 } }

const COUNT_COLOURS = `(() => {
  const canvas = document.querySelector('canvas.grid')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const colours = new Set()
  for (let i = 0; i < data.length; i += 4) colours.add(data.slice(i, i + 3).join())
  return colours.size
})()`

async function visit(browser: Browser, path: string, colorScheme: 'light' | 'dark') {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 900 } })
  page.setDefaultTimeout(PATIENCE_MS)
  const wrong: string[] = []
  page.on('pageerror', ({ message }) => wrong.push(message))
  page.on('console', (message) => wrong.push(message.text()))
  page.on('request', (request) => {
    if (!request.url().startsWith('file:')) wrong.push(request.url())
  })
  await page.goto(`file://${path}`)
  const grid = page.locator('canvas.grid')
  await grid.hover(PLACE)
  const tip = await page.locator('.tip').innerText()
  await page.getByRole('button', { name: 'Zoom in' }).click()
  await page.getByLabel('Colour by').selectOption('name')
  await page.locator('.legend button', { hasText: 'onerror' }).click()
  await grid.click(PLACE)
  const seen: Visit = {
    wrong,
    tip,
    scale: await page.locator('.tools span').innerText(),
    picked: await page.locator('.picked').innerText(),
    colours: await page.evaluate(COUNT_COLOURS) as number,
    title: await page.title(),
    background: await page.evaluate('getComputedStyle(document.body).backgroundColor') as string,
  }
  await page.close()
  return seen
}

const [executablePath, path] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath: executablePath!, args: ['--no-sandbox', '--disable-gpu'], timeout: PATIENCE_MS,
})
try {
  const visits = [await visit(browser, path!, 'light'), await visit(browser, path!, 'dark')]
  console.log(JSON.stringify(visits))
} finally {
  await browser.close()
}
