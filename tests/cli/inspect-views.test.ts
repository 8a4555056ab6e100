/** `rstore inspect` with --pages, --page, --map, --readers, --log, and on stores. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { pageMapData } from '../../cli/print/page-map.js'
import { pageText } from '../../cli/print/details.js'
import { typesOf } from '../../cli/read/inspection.js'
import type { LogDetail } from '../../cli/read/log-detail.js'
import type { NotedHandle } from '../../cli/read/lock.js'
import type { MapDetail } from '../../cli/read/map-detail.js'
import { inspectPage, type PageDetail } from '../../cli/read/page-detail.js'
import { readRegion } from '../../cli/read/region.js'
import type { StoreInspection } from '../../cli/read/store.js'
import { C } from '../../formats/index.js'
import { Region, SharedVector, Store, t } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { rstore } from './run.js'

const test = suite('views of inspect')

const directory = temporaryDirectory()
const UNSAFE = 'bad \u001b[31m\u202e<script>alert(1)</script>'
const City = t.struct('City', {
  name: t.string, size: t.u32, tags: t.array(t.string), seen: t.optional(t.date),
  counts: t.optional(t.map(t.string, t.u32)),
})

let count = 0

function makeRegion(): { path: string; region: Region } {
  const path = join(directory, `${count++}.region`)
  const region = Region.create(path, { capacity: '64MiB' })
  const cities = region.map('cities', t.string, City)
  cities.index('by size', 'size')
  const series = region.map('series', t.u32, t.array(t.f64))
  const pairs = region.multimap('pairs', t.u64, t.string)
  const unsafe = region.map(UNSAFE, t.string, t.string)
  region.transact(() => {
    for (let i = 0; i < 3000; i++) {
      const counts = i % 100 === 0 ? [['a', i], ['b', 2]] as const : undefined
      cities.set(`city ${i}`, {
        name: `City ${i}`, size: i, tags: ['x', 'y'],
        seen: i % 2 ? new Date(0) : undefined, ...counts && { counts },
      })
    }
    series.set(1, Float64Array.from({ length: 5000 }, (_, i) => i))
    for (let i = 0; i < 900; i++) pairs.add(BigInt(i % 9), `value ${i}`)
    unsafe.set(UNSAFE, UNSAFE)
  })
  region.transact(() => {
    for (let i = 0; i < 3000; i += 3) cities.delete(`city ${i}`)
  })
  return { path, region }
}

function json<R>(path: string, ...args: string[]): R {
  const { status, stdout, stderr } = rstore(['inspect', path, ...args, '--json'])
  assert.equal([status, stderr], [0, ''])
  return JSON.parse(stdout) as R
}

function text(path: string, ...args: string[]): string {
  const { status, stdout, stderr } = rstore(['inspect', path, ...args])
  assert.equal([status, stderr], [0, ''], args.join(' '))
  assert.not.match(stdout, /[\u001b\u202e]/)
  return stdout
}

type Pages = ReturnType<typeof pageMapData>

test('pages: every byte has one use, every live one its type, most of them a name', () => {
  const { path, region } = makeRegion()
  region.close()
  const pages = json<Pages>(path, '--pages')
  const inspection = json<{ space: { allocatedBytes: number }; fileBytes: number }>(path)
  assert.is(pages.pageCount * C.PAGE_BYTES, inspection.fileBytes)
  assert.is(pages.groups.length, pages.pageCount)
  const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0)
  assert.is(sum(pages.uses.map(({ bytes }) => bytes)), inspection.fileBytes)
  const { allocatedBytes } = inspection.space
  assert.is(sum(pages.types.map(({ bytes }) => bytes)), allocatedBytes)
  const owned = sum(pages.names.map(({ nodeBytes, cellBytes }) => nodeBytes! + cellBytes!))
  assert.ok(owned <= allocatedBytes, 'no cell has two owners')
  assert.ok(owned > allocatedBytes * 0.98, `${owned} of ${allocatedBytes}`)
  const city = pages.types.find(({ type }) => type === 'City')!
  assert.is(city.cells, 2000)
  assert.ok(pages.groups.some(({ use, name }) => use === 'leaf' && name === 'cities'))
  assert.ok(pages.groups.some(({ use, name }) => use === 'array' && name === 'series'))
  assert.is(pages.groups[0]!.use, 'header')
  assert.equal([pages.memoryKnown, pages.problemCount], [true, 0])
  assert.match(text(path, '--pages'), /leaves of trees[^]*cities \/ by size[^]*City +2,000/)
})

test('pages: where damage is', () => {
  const { path, region } = makeRegion()
  region.close()
  const [leaf] = json<Pages>(path, '--pages').groups
    .filter(({ use, name }) => use === 'leaf' && name === 'cities')
  const bytes = readFileSync(path)
  bytes.fill(0xff, leaf!.first * C.PAGE_BYTES + 8, leaf!.first * C.PAGE_BYTES + 16)
  writeFileSync(path, bytes)
  const { status, stdout } = rstore(['inspect', path, '--pages', '--json'])
  assert.is(status, 1)
  const damaged = (JSON.parse(stdout) as Pages).groups.filter(({ wrong }) => wrong > 0)
  assert.equal(damaged.map(({ first }) => first), [leaf!.first])
  assert.match(rstore(['inspect', path, '--pages']).stdout, / {2}\S*!/)
})

test('page: fields with their bytes', () => {
  const { path, region } = makeRegion()
  region.close()
  const { groups } = json<Pages>(path, '--pages')
  const identity = json<PageDetail>(path, '--page', '0')
  const kind = identity.cells[0]!.rows.find(({ name }) => name === 'kind')!
  assert.equal(kind, { name: 'kind', offset: 12, bytes: 4, value: '1' })
  assert.is(identity.bytes.length, 2 * C.PAGE_BYTES)
  const cities: PageDetail[] = []
  readRegion(path, (image) => {
    const types = typesOf(image)
    for (const { first, use } of groups) {
      if (use === 'checksums' || use === 'unused') continue
      const page = inspectPage(image, types, first)
      assert.ok(pageText(page).length > 100, `page ${first}`)
      if (page.cells.some(({ type, free }) => type === 'City' && !free)) cities.push(page)
    }
    assert.is(image.problems.count, 0)
  })
  const page = json<PageDetail>(path, '--page', String(cities[1]!.page))
  const city = page.cells.find(({ type, free }) => type === 'City' && !free)!
  const name = city.rows.find((row) => row.name === 'name')!
  assert.match(name.value, /^ref \d+: "City \d+"$/)
  assert.ok(['undefined', '1970-01-01T00:00:00.000Z']
    .includes(city.rows.find((row) => row.name === 'seen')!.value))
  assert.equal([page.checksumRight, page.inMemory, page.inLog], [true, true, false])
  const leaf = groups.find((group) => group.use === 'leaf' && group.name === 'cities\0by size')!
  const node = json<PageDetail>(path, '--page', String(leaf.first))
  assert.is(node.name, 'cities\0by size')
  assert.match(text(path, '--page', String(leaf.first)), /\[\d+\] \[\d+, "city \d+"\]/)
  assert.is(rstore(['inspect', path, '--page', '99999999']).status, 2)
  assert.is(rstore(['inspect', path, '--page', '-1']).status, 2)
  assert.is(rstore(['inspect', path, '--page', '1', '--log']).status, 2)
})

test('map: levels, fill, sizes of keys and values', () => {
  const { path, region } = makeRegion()
  region.close()
  const map = json<MapDetail>(path, '--map', 'cities')
  assert.equal([map.shape.entries, map.keys.count, map.values!.count], [2000, 2000, 2000])
  assert.equal([map.keys.first, map.keys.last], ['"city 1"', '"city 998"'])
  assert.equal([map.keys.smallest, map.keys.largest], [6, 9])
  assert.is(map.levels.at(-1)!.keys, 2000)
  assert.is(map.levels.length, map.shape.depth)
  assert.is(map.leafFill.reduce((sum, n) => sum + n, 0), map.shape.leaves)
  assert.equal(json<MapDetail>(path, '--map', 'pairs').keys.count, 9)
  assert.match(text(path, '--map', 'cities / by size'), /first key +\[1, "city 1"\]/)
  assert.match(text(path, '--map', UNSAFE), /^bad \\u\{1b\}\[31m\\u\{202e\}<script>/)
  const { status, stderr } = rstore(['inspect', path, '--map', 'nothing'])
  assert.is(status, 2)
  assert.match(stderr, /there is no map "nothing"; there are: .*"cities"/)
})

test('log and readers of an open region', () => {
  const { path, region } = makeRegion()
  const snapshot = region.snapshot()
  const series = region.map('series', t.u32, t.array(t.f64))
  region.transact(() => series.delete(1), { durability: 'none' })
  const log = json<LogDetail>(path, '--log')
  assert.is(log.records.at(-1)!.epoch as unknown, region.stats().epoch)
  assert.equal([log.records.at(-1)!.writerPid, log.records.at(-1)!.synced], [process.pid, false])
  assert.is(log.records.at(-2)!.synced, true)
  assert.is(log.recordCount, log.records.length)
  const { handles, epoch } = json<{ handles: NotedHandle[]; epoch: number }>(path, '--readers')
  assert.equal(handles.map(({ kind, pid, alive }) => [kind, pid, alive]),
    [['handle', process.pid, true], ['snapshot', process.pid, true]])
  const pinned = handles.find(({ kind }) => kind === 'snapshot')!
  assert.is(Number(pinned.pinEpoch), epoch - 1)
  assert.match(text(path, '--readers'), new RegExp(`snapshot +${process.pid} .* yes`))
  assert.match(text(path, '--log'), /nothing behind it[^]*synced/)
  snapshot.close()
  region.close()
  assert.match(text(path, '--readers'), /Nobody/)
  assert.match(text(path, '--log'), /file +none/)
})

test('packed regions and vectors', () => {
  const packed = join(directory, 'a.packed')
  Region.pack(packed, { root: City }, () =>
    ({ name: 'only', size: 1, tags: Array.from({ length: 3000 }, String) }))!.close()
  const pages = json<Pages>(packed, '--pages')
  assert.ok(pages.groups.some(({ use, name }) => use === 'text' && name === '(root)'))
  text(packed, '--page', String(pages.pageCount - 1))
  text(packed, '--log')
  const path = join(directory, 'a.vector')
  const vector = SharedVector.create(path, t.u32, { capacity: '8MiB' })
  for (let i = 0; i < 2000; i++) vector.push(i)
  const elements = json<Pages>(path, '--pages').uses.find(({ use }) => use === 'element')!
  assert.is(elements.pages, Math.ceil(2000 * 8 / C.PAGE_BYTES))
  assert.match(text(path, '--page', String(C.VECTOR_MARKER_PAGE)), /marker of the last flush/)
  vector.close()
})

test('a store: its regions, and what is missing', () => {
  const folder = join(directory, 'store')
  const store = Store.open(folder, { create: true })
  store.region(`live ${UNSAFE}`).close()
  store.pack('frozen', { root: City }, () => ({ name: 'x', size: 1, tags: [] }))!.close()
  const shown = json<StoreInspection>(folder)
  assert.equal(shown.regions.map(({ name, kind }) => [name, kind]),
    [[`live ${UNSAFE}`, 'live'], ['frozen', 'packed']])
  assert.ok(shown.regions.every(({ fileBytes }) => fileBytes! > 0))
  assert.match(text(folder), /frozen +packed/)
  store.close()
  assert.is(rstore(['inspect', folder, '--pages']).status, 2)
  rmSync(shown.regions[1]!.file)
  const { status, stdout } = rstore(['inspect', folder])
  assert.is(status, 1)
  assert.match(stdout, /MISSING/)
  assert.is(rstore(['inspect', directory]).status, 3)
})

test('a cut file: every view ends, and says that it is damaged', () => {
  const { path, region } = makeRegion()
  region.close()
  truncateSync(path, 60 * C.PAGE_BYTES)
  for (const view of [['--pages'], ['--map', 'cities'], ['--page', '70'], ['--page', '59']]) {
    const { status, stderr } = rstore(['inspect', path, ...view])
    assert.ok([1, 2].includes(status!), `${view.join(' ')}: ${status} ${stderr}`)
    assert.not.match(stderr, /defect/)
  }
})

test.run()
