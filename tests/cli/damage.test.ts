/** Whatever a file holds, inspecting it ends, and says something or refuses. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { logText, mapText, pageText } from '../../cli/print/details.js'
import { inspectionText } from '../../cli/print/inspection.js'
import { toJson } from '../../cli/print/output.js'
import { readCatalog } from '../../cli/read/catalog.js'
import { NotReadable } from '../../cli/read/identity.js'
import { inspectRegion, surveyRegion, typesOf } from '../../cli/read/inspection.js'
import { inspectLog } from '../../cli/read/log-detail.js'
import { inspectMap } from '../../cli/read/map-detail.js'
import { inspectPage } from '../../cli/read/page-detail.js'
import { pageGroups, useTotals } from '../../cli/read/page-groups.js'
import { readRegion, type RegionImage } from '../../cli/read/region.js'
import { C } from '../../formats/index.js'
import { Region, t } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('inspecting damaged files')

const directory = temporaryDirectory()
const path = join(directory, 'a.region')
const copy = join(directory, 'copy.region')
const Point = t.struct('Point', { x: t.f64, label: t.string, tags: t.map(t.string, t.u32) })

/** A region that is still open, with commits in its log: both of its files. */
function makeFiles(): { region: Buffer; log: Buffer } {
  const region = Region.create(path, { capacity: '4MiB' })
  const points = region.map('points', t.u32, Point)
  points.index('by label', 'label')
  const names = region.map('names', t.string, t.bytes)
  const pairs = region.multimap('pairs', t.u64, t.u32)
  region.transact(() => {
    for (let i = 0; i < 300; i++) points.set(i, { x: i, label: `point ${i}`, tags: [['a', i]] })
    for (let i = 0; i < 300; i++) names.set('long'.repeat(i), new Uint8Array(i))
    for (let i = 0; i < 300; i++) pairs.add(BigInt(i % 5), i)
  })
  region.transact(() => {
    for (let i = 0; i < 200; i++) points.delete(i)
  })
  const files = { region: readFileSync(path), log: readFileSync(`${path}-wal`) }
  region.close()
  return files
}

const { region, log } = makeFiles()

/** Offsets are taken modulo the length of the file. */
const damage = fc.oneof(
  fc.record({ do: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat(7) }),
  fc.record({ do: fc.constant('word' as const), at: fc.nat(), word: fc.nat(0xffff_ffff) }),
  fc.record({
    do: fc.constant('fill' as const), at: fc.nat(), bytes: fc.nat(9000), byte: fc.nat(255),
  }),
  fc.record({ do: fc.constant('copy' as const), from: fc.nat(), at: fc.nat() }),
)

type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never

function apply(file: Buffer, what: Damage): void {
  const at = what.at % file.length
  const page = (offset: number) => Math.floor(offset % file.length / 4096) * 4096
  if (what.do === 'flip') file[at]! ^= 1 << what.bit
  else if (what.do === 'word') file.writeUInt32LE(what.word, Math.floor(at / 4) * 4)
  else if (what.do === 'fill') file.fill(what.byte, at, Math.min(at + what.bytes, file.length))
  else file.copy(file, page(at), page(what.from), page(what.from) + 4096)
}

/** Every view: a survey, one page, each map, the log. */
function lookAtAll(image: RegionImage, page: number): void {
  const { map, inspection } = surveyRegion(image)
  assert.ok(map.pageCount * C.PAGE_BYTES <= image.identity.capacityBytes)
  assert.ok([...pageGroups(map, 8)].every(({ fill }) => fill >= 0 && fill <= 100))
  assert.is(useTotals(map).reduce((sum, { pages }) => sum + pages, 0), map.pageCount)
  for (const { space } of inspection.names) {
    assert.ok((space?.cellBytes ?? 0) <= 2 ** 28, 'cells are counted over and over')
  }
  const types = typesOf(image)
  const pages = Math.max(1, Math.ceil(region.length / C.PAGE_BYTES))
  assert.ok(pageText(inspectPage(image, types, page % pages)).length > 0)
  for (const entry of readCatalog(image)) {
    if (entry.kind !== 'value') assert.ok(mapText(inspectMap(image, types, entry)).length > 0)
  }
  assert.ok(logText(inspectLog(image)).length > 0)
}

test('it ends, and the outcome can be shown', () => {
  const some = fc.array(damage, { minLength: 1, maxLength: 4 })
  const few = fc.array(damage, { maxLength: 2 })
  const cut = fc.option(fc.nat(region.length), { freq: 8 })
  fc.assert(fc.property(some, few, cut, fc.nat(), (inRegion, inLog, end, page) => {
    const [file, wal] = [Buffer.from(region), Buffer.from(log)]
    for (const what of inRegion) apply(file, what)
    for (const what of inLog) apply(wal, what)
    writeFileSync(copy, end === null ? file : file.subarray(0, end))
    writeFileSync(`${copy}-wal`, wal)
    const begun = process.cpuUsage()
    try {
      const inspection = readRegion(copy, inspectRegion)
      assert.ok(inspectionText(inspection).length > 0)
      JSON.parse(toJson(inspection))
      if (page % 2 === 0) readRegion(copy, (image) => lookAtAll(image, page >>> 1))
    } catch (error) {
      if (!(error instanceof NotReadable)) throw error
    }
    const { user, system } = process.cpuUsage(begun) // whoever else is busy
    assert.ok(user + system < 5_000_000, 'it took more than 5 s of the processor')
  }), { numRuns: 300 })
})

for (const [where, at] of [['magic', 0], ['epoch', 8], ['salt', 72], ['lines', 120]] as const) {
  test(`a record with another ${where}, and synced ones behind it`, () => {
    const file = join(temporaryDirectory(), 'synced.region')
    const own = Region.create(file, { capacity: '1MiB' })
    const map = own.map('map', t.u32, t.u32)
    for (let i = 0; i < 10; i++) own.transact(() => map.set(i, i))
    writeFileSync(copy, readFileSync(file))
    const records = readFileSync(`${file}-wal`)
    own.close()
    const magic = Buffer.from('REDO')
    let from = records.indexOf(magic)
    for (let i = 0; i < 5; i++) from = records.indexOf(magic, from + 1)
    records[from + at]! ^= 1
    writeFileSync(`${copy}-wal`, records)
    readRegion(copy, (image) => {
      assert.is(image.log.end.kind, 'damaged')
      assert.ok(image.problems.count > 0)
    })
  })
}

test('a map that the catalog leads to a tree without values', () => {
  writeFileSync(copy, region)
  writeFileSync(`${copy}-wal`, log)
  readRegion(copy, (image) => {
    const catalog = readCatalog(image)
    const points = catalog.find(({ name }) => name === 'points')
    const index = catalog.find(({ kind }) => kind === 'index')
    const types = typesOf(image)
    assert.is(inspectMap(image, types, points!).values!.count, 100)
    const { keys, values } = inspectMap(image, types, { ...points!, root: index!.root })
    assert.equal([keys.count, values!.count], [100, 0])
  })
})

test.run()
