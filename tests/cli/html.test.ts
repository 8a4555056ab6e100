/**
 * The page that `rstore inspect --html` writes: valid, self-contained, and nothing from a file is
 * more than text in it. Where there is a Chromium, it is opened in it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeColumns, type MapData } from '../../cli/html/map-data.js'
import { escapeText } from '../../cli/print/escape.js'
import { escapeHtml, html } from '../../cli/html/markup.js'
import { readRegion } from '../../cli/read/region.js'
import { surveyRegion } from '../../cli/read/inspection.js'
import { C } from '../../formats/index.js'
import { Region, SharedVector, Store, t } from '../../lib/index.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import type { Visit } from './browser-child.js'
import { rstore } from './run.js'

const test = suite('inspect --html')

const directory = temporaryDirectory()
const EVIL = '</script><script>document.title = "evil"</script>'
  + '<img src=x onerror=alert(1)>"\'\u001b[31m'
const Evil = t.struct(EVIL, { [EVIL]: t.u32, text: t.string })

const path = join(directory, 'a.region')
const region = Region.create(path, { capacity: '16MiB' })
const map = region.map(EVIL, t.u32, Evil)
region.transact(() => {
  for (let i = 0; i < 4000; i++) map.set(i, { [EVIL]: i, text: EVIL } as never)
})

function pageOf(file: string, status = 0): string {
  const out = join(directory, 'out.html')
  const outcome = rstore(['inspect', file, '--html', out])
  assert.equal(outcome, { status, stdout: '', stderr: '' })
  assert.equal(readdirSync(directory).filter((name) => name.includes('.tmp')), [])
  return readFileSync(out, 'utf8')
}

const VOID = ['meta', 'link', 'br', 'img']

/** Tags in pairs; gives the names of all elements. Scripts and styles hold no tags. */
function elementsOf(page: string): string[] {
  const open: string[] = []
  const seen: string[] = []
  const bare = page.replace(/<(script|style)([^>]*)>[^]*?<\/\1>/g, '<$1$2></$1>')
  const tag = /<(\/?)([a-z][a-z0-9]*)((?:[^>"]|"[^"]*")*?)(\/?)>/g
  for (const [, end, name, , self] of bare.matchAll(tag)) {
    if (end === '/') assert.is(open.pop(), name)
    else {
      seen.push(name!)
      if (self === '' && !VOID.includes(name!)) open.push(name!)
    }
  }
  assert.equal(open, [])
  return seen
}

const dataOf = (page: string): MapData[] =>
  [...page.matchAll(/<script type="application\/json">([^]*?)<\/script>/g)]
    .map(([, json]) => JSON.parse(json!) as MapData)

test('what stands in markup is text', () => {
  assert.is(String(html`<b title="${'"<'}">${'<i>'}${html`<i>&amp;</i>`}</b>`),
    '<b title="&quot;&lt;">&lt;i&gt;<i>&amp;</i></b>')
  assert.is(escapeHtml('\u001b[31m\u202e\u0000'), '\\u{1b}[31m\\u{202e}\\u{0}')
})

test('the page is whole, loads nothing, and runs one script', () => {
  const page = pageOf(path)
  const elements = elementsOf(page)
  assert.is(elements.filter((name) => name === 'script').length, 2)
  assert.not(elements.includes('img'))
  assert.not.match(page, /\u001b|https?:|src=["/]|@import|url\(/)
  assert.match(page, /content="default-src &#39;none&#39;; style-src/)
  assert.match(page, /&lt;\/script&gt;&lt;script&gt;/)
  assert.match(page, /name="color-scheme" content="light dark"/)
  assert.match(page, /prefers-color-scheme: dark/)
  for (const title of ['Pages', 'Space', 'Fill', 'Log', 'Readers', 'Details']) {
    assert.ok(page.includes(`<h2>${title}</h2>`), title)
  }
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
  assert.is(new Set(ids).size, ids.length)
})

test('its columns are the pages', () => {
  const [data] = dataOf(pageOf(path))
  const count = data!.groupCount
  const columns = inflateRawSync(Buffer.from(data!.columns, 'base64'))
  assert.is(columns.length, count * 5)
  assert.is(data!.pageCount, Math.ceil(readFileSync(path).length / C.PAGE_BYTES))
  assert.is(data!.uses[columns[0]!]!.key, 'header')
  const named = data!.names.indexOf(escapeText(EVIL)) + 1
  assert.ok(named > 0)
  const owners = Array.from({ length: count }, (_, i) => columns.readUInt16LE(3 * count + 2 * i))
  assert.ok(owners.filter((owner) => owner === named).length > count / 3)
})

test('millions of pages are put together', () => {
  const { map: pages } = readRegion(path, (image) => surveyRegion(image))
  const few = encodeColumns(pages, 16)
  assert.ok(few.groupCount <= 16 && few.groupCount > 8)
  assert.is(few.groupCount, Math.ceil(pages.pageCount / few.pagesPerGroup))
  const pageCount = 2 ** 23
  const huge = encodeColumns({
    ...pages, pageCount, use: new Uint8Array(pageCount), fill: new Uint8Array(pageCount),
    flags: new Uint8Array(pageCount), owner: new Uint16Array(pageCount),
  })
  assert.equal([huge.groupCount, huge.pagesPerGroup], [2 ** 20, 8])
  assert.ok(huge.columns.length < 50_000)
})

test('packed regions, vectors, stores and damaged files', () => {
  const vector = SharedVector.create(join(directory, 'a.vector'), t.u64, { capacity: '8MiB' })
  vector.push(1n)
  assert.match(pageOf(join(directory, 'a.vector')), /1 handles have it open/)
  vector.close()
  const folder = join(directory, 'store')
  const store = Store.open(folder, { create: true })
  store.region(EVIL).map(EVIL, t.u32, t.u32)
  const Plain = t.struct('Plain', { text: t.string })
  store.pack('packed', { root: Plain }, () => ({ text: EVIL }))!.close()
  const page = pageOf(folder)
  store.close()
  elementsOf(page)
  assert.is(dataOf(page).length, 3)
  assert.is(new Set(dataOf(page).map(({ target }) => target)).size, 3)
  const bytes = readFileSync(path)
  bytes.fill(0xa5, 20 * C.PAGE_BYTES, 22 * C.PAGE_BYTES)
  const damaged = join(directory, 'damaged.region')
  writeFileSync(damaged, bytes)
  writeFileSync(`${damaged}-wal`, readFileSync(`${path}-wal`))
  const shown = pageOf(damaged, 1)
  elementsOf(shown)
  assert.match(shown, /class="badge bad">[\d,]+ problems/)
})

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .find((file) => existsSync(file) && spawnSync(file, ['--version']).status === 0)

if (CHROMIUM === undefined) {
  console.log('There is no Chromium here: the page was not opened in a browser.')
} else {
  test('in a browser: drawn, zoomed, explained, in both themes', () => {
    const out = join(directory, 'browser.html')
    writeFileSync(out, pageOf(path))
    const { stdout, stderr } = spawnSync(process.execPath,
      [inRoot('dist/tests/cli/browser-child.js'), CHROMIUM, out], { encoding: 'utf8' })
    assert.is(stderr, '')
    const visits = JSON.parse(stdout) as Visit[]
    assert.equal(visits.map(({ wrong }) => wrong), [[], []])
    for (const { tip, scale, picked, colours, title } of visits) {
      assert.match(tip, /^Pages? [\d,]+/)
      assert.match(scale, /^one tile is/)
      assert.match(picked, /rstore inspect .* --page \d+/)
      assert.ok(colours > 2, `${colours} colours`)
      assert.not.match(title, /^evil/)
    }
    assert.is.not(visits[0]!.background, visits[1]!.background)
  })
}

test.after(() => region.close())

test('an earlier page is written over, and nothing else', () => {
  const own = join(directory, 'own.region')
  const other = Region.create(own, { capacity: '8MiB' })
  other.transact(() => other.map('m', t.u32, t.u32).set(1, 2))
  other.close()
  const text = join(directory, 'text.html')
  writeFileSync(text, '<!doctype html>\n<title>mine</title>')
  for (const out of [own, text, directory, join(directory, 'x-wal'), `${own}-lock`]) {
    const before = existsSync(out) && out !== directory ? readFileSync(out) : undefined
    const { status, stderr } = rstore(['inspect', own, '--html', out])
    assert.is(status, 2, stderr)
    if (before !== undefined) assert.ok(readFileSync(out).equals(before), out)
    else assert.is(existsSync(out), out === directory)
  }
  assert.is(rstore(['verify', own]).status, 0)
  const page = join(directory, 'page.html')
  for (let i = 0; i < 2; i++) assert.is(rstore(['inspect', own, '--html', page]).status, 0)
})

test.run()
