/** `rstore inspect` as a program: on sound files, open ones, damaged ones. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Inspection } from '../../cli/read/inspection.js'
import { C } from '../../formats/index.js'
import { Region, SharedVector, t } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { PROGRAM } from './run.js'

const test = suite('inspect')

const directory = temporaryDirectory()
const Point = t.struct('Point', { x: t.f64, y: t.f64, label: t.string })

function inspect(path: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath,
    [PROGRAM, 'inspect', path, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

function inspectJson(path: string): Inspection & { status: number | null } {
  const { status, stdout, stderr } = inspect(path, '--json')
  assert.is(stderr, '')
  return { ...JSON.parse(stdout) as Inspection, status }
}

let count = 0

/** A region with 5,000 points and an index; gives its path. */
function makeRegion(): { path: string; region: Region } {
  const path = join(directory, `${count++}.region`)
  const region = Region.create(path, { capacity: '64MiB' })
  const points = region.map('points', t.u32, Point)
  const names = region.map('names \u001b[31m', t.string, t.u32)
  const tags = region.multimap('tags', t.string, t.u32)
  points.index('by label', 'label')
  region.transact(() => {
    for (let i = 0; i < 5000; i++) points.set(i, { x: i, y: -i, label: `point ${i}` })
  })
  region.transact(() => {
    for (let i = 0; i < 500; i++) names.set(`name ${i}${'x'.repeat(i)}`, i)
    for (let i = 0; i < 1000; i++) points.delete(i)
    for (let i = 0; i < 3000; i++) tags.add(`tag ${i % 7}`, i)
    region.value('settings', t.json).set({ a: 1 })
  })
  return { path, region }
}

function bytesOfFiles(path: string): string[] {
  return ['', '-wal'].map((end) => {
    try {
      return readFileSync(path + end).toString('latin1')
    } catch {
      return ''
    }
  })
}

test('shows a closed region, and changes nothing', () => {
  const { path, region } = makeRegion()
  region.close()
  const before = bytesOfFiles(path)
  const shown = inspectJson(path)
  assert.equal(bytesOfFiles(path), before)
  assert.is(shown.status, 0)
  assert.is(shown.problemCount, 0)
  assert.is(shown.identity.capacityBytes, 64 * 2 ** 20)
  assert.ok(shown.checkpoint!.clean)
  const points = shown.names.find(({ name }) => name === 'points')!
  assert.equal([points.kind, points.keyType, points.valueType, points.entries],
    ['map', 'u32', 'Point', 4000])
  assert.is(points.depth, 2)
  assert.ok(points.fill! > 0.3 && points.fill! <= 1)
  const sizes = Object.fromEntries(shown.names.map(({ kind, entries }) => [kind, entries]))
  assert.equal([sizes['multimap'], sizes['index'], sizes['value']], [3000, 4000, undefined])
  assert.ok(shown.types.some(({ text }) => text === 'Point'))
  assert.ok(shown.space!.freeClasses.length > 0)
})

test('tables have the same, and no control character', () => {
  const { path, region } = makeRegion()
  region.close()
  const { status, stdout } = inspect(path)
  assert.is(status, 0)
  assert.match(stdout, /points +map +u32 +Point +4,000/)
  assert.match(stdout, /names \\u\{1b\}\[31m +map +string +u32 +500/)
  assert.match(stdout, /points \/ by label +index +string +u32 +4,000/)
  assert.not.match(stdout, /\u001b/)
})

test('a region that is open: the last commit, with the log', () => {
  const { path, region } = makeRegion()
  const first = inspectJson(path)
  assert.equal([first.status, first.epoch], [0, region.stats().epoch])
  region.transact(() => {
    region.map('points', t.u32, Point).set(100_000, { x: 0, y: 0, label: 'late' })
  })
  const second = inspectJson(path)
  assert.is(second.epoch, Number(first.epoch) + 1)
  assert.is(second.names.find(({ name }) => name === 'points')!.entries, 4001)
  assert.is(second.problemCount, 0)
  assert.is(second.handles[0]!.pid, process.pid)
  region.close()
})

test('half a record at the end of the log is no damage', () => {
  const { path, region } = makeRegion()
  const whole = inspectJson(path)
  const [copy, wal] = [`${path}.copy`, readFileSync(`${path}-wal`)]
  copyFileSync(path, copy)
  const { position } = (whole.log!.end as { position?: number })
  assert.is(position, undefined)
  wal.fill(0xff, wal.lastIndexOf(Buffer.from('REDO')) + 200, wal.length)
  writeFileSync(`${copy}-wal`, wal)
  const cut = inspectJson(copy)
  assert.equal([cut.status, cut.log!.end.kind], [0, 'incomplete'])
  assert.is(cut.epoch, Number(whole.epoch) - 1)
  region.close()
})

test('damage: shown with its page, exit code 1, and what can be read is shown', () => {
  const { path, region } = makeRegion()
  region.close()
  const root = inspectJson(path).names.find(({ name }) => name === 'points')!.rootPage
  const damages: [what: string, page: number, RegExp][] = [
    ['identity', C.IDENTITY_PAGE, /checksum/],
    ['slot', C.FIRST_SLOT_PAGE, /slot 0 +1/],
    ['allocation', C.ALLOCATION_PAGE, /page checksums/],
    ['map', root, /map "points"/],
  ]
  for (const [what, page, message] of damages) {
    const copy = `${path}.${what}`
    const bytes = readFileSync(path)
    bytes.fill(0xa5, page * C.PAGE_BYTES + 16, page * C.PAGE_BYTES + 300)
    if (page === C.IDENTITY_PAGE) bytes.writeUInt32LE(1, 8)
    writeFileSync(copy, bytes)
    const { status, stdout } = inspect(copy)
    assert.is(status, 1, what)
    assert.match(stdout, message, what)
    assert.match(stdout, /names \\u/, what)
  }
})

test('a cut file', () => {
  const { path, region } = makeRegion()
  region.close()
  truncateSync(path, 30 * C.PAGE_BYTES)
  const { status, stdout } = inspect(path)
  assert.is(status, 1)
  assert.match(stdout, /it was cut/)
})

test('a packed region has a root, and no commits', () => {
  const path = join(directory, 'packed.region')
  Region.pack(path, { root: Point }, () => ({ x: 1, y: 2, label: 'only' }))!.close()
  const shown = inspectJson(path)
  assert.equal([shown.status, shown.root!.type], [0, 'Point'])
  assert.equal([shown.log, shown.checkpoint, shown.epoch], [undefined, undefined, undefined])
  assert.match(inspect(path).stdout, /packed, format version 1[^]*root +Point/)
})

test('a shared vector', () => {
  const path = join(directory, 'vector.region')
  const vector = SharedVector.create(path, t.f64, { capacity: '1MiB' })
  for (let i = 0; i < 100; i++) vector.push(i)
  const shown = inspectJson(path)
  vector.close()
  assert.is(shown.status, 0)
  assert.equal([shown.vector!.size, shown.vector!.elementBytes], [100, 8])
  assert.match(inspect(path).stdout, /elements +100 of f64, 8 bytes each$/m)
})

test('what is no region, is missing, or is a folder: exit code 3; wrong usage: 2', () => {
  const path = join(directory, 'text')
  writeFileSync(path, 'no region')
  assert.equal([inspect(path).status, inspect(path).stderr],
    [3, `rstore: ${path}: not a region file\n`])
  assert.is(inspect(join(directory, 'missing')).status, 3)
  assert.is(inspect(directory).status, 3)
  assert.is(inspect(path, '--nonsense').status, 2)
  const newer = readFileSync(makeRegionClosed())
  newer.writeUInt32LE(C.FORMAT_VERSION + 1, 8)
  writeFileSync(path, newer)
  assert.match(inspect(path).stderr, /newer than this program/)
  assert.is(inspect(path).status, 3)
})

function makeRegionClosed(): string {
  const { path, region } = makeRegion()
  region.close()
  return path
}

test.run()
