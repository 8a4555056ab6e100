/** Reading and changing from the command line: get, set, delete, scan, names and their kin. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, SharedVector, Store, t } from '../../lib/index.js'
import { EXIT } from '../../cli/shared/exit-codes.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { good, PROGRAM, rstore, rstoreOnTerminal, type Outcome } from './run.js'

const test = suite('data on the command line')

const directory = temporaryDirectory()
let count = 0
const freshPath = (): string => join(directory, `${count++}.region`)

const City = t.struct('City', { name: t.string, area: t.u64, at: t.optional(t.date) })
const RED = '\u001b[31mred\u009b0m\u202e'

/** A region with some of everything. */
function makeRegion(): { path: string; region: Region } {
  const path = freshPath()
  const region = Region.create(path, { capacity: '16MiB', durability: 'none' })
  const cities = region.map('cities', t.string, City)
  cities.index('by name', 'name')
  region.transact(() => {
    cities.set('NO/Oslo', { name: 'Oslo', area: 454n, at: new Date(0) })
    cities.set('NO/Bergen', { name: 'Bergen', area: 445n })
    cities.set('SE/Lund', { name: RED, area: 2n ** 64n - 1n })
    region.multimap('tags', t.u32, t.string).add(1, 'a')
    region.multimap('tags', t.u32, t.string).add(1, 'b')
    region.map('places', t.tuple(t.string, t.i32), t.bytes).set(['x', -1], Uint8Array.of(1, 2))
    region.map(RED, t.bytes, t.u8).set(Uint8Array.of(255), 7)
    region.value('settings', t.json).set({ theme: 'dark' })
  })
  return { path, region }
}

function bad(outcome: Outcome, status: number, message: RegExp): void {
  assert.is(outcome.stdout, '')
  assert.match(outcome.stderr, message)
  assert.match(outcome.stderr, /^rstore: .*\n$/)
  assert.is(outcome.status, status)
}

test('get: records, lists of a multimap, tuples, bytes, single values', () => {
  const { path, region } = makeRegion()
  const get = (...args: string[]) => JSON.parse(good(rstore(['get', path, ...args])))
  assert.equal(get('cities', 'NO/Oslo'),
    { name: 'Oslo', area: '454', at: '1970-01-01T00:00:00.000Z' })
  assert.equal(get('tags', '1'), ['a', 'b'])
  assert.equal(get('places', '["x",-1]', '--json'), { $bytes: 'AQI=' })
  assert.equal(get('settings'), { theme: 'dark' })
  assert.is(get(RED, '/w=='), 7)
  region.close()
  bad(rstore(['get', path, 'cities', 'none']), EXIT.usage, /cities has no none/)
  bad(rstore(['get', path, 'cities', '']), EXIT.usage, /cities has no empty key/)
  bad(rstore(['get', path, 'cities']), EXIT.usage, /missing: cities is a map. `rstore scan`/)
  bad(rstore(['get', path, 'settings', 'x']), EXIT.usage, /single value and has no keys/)
  bad(rstore(['get', path, 'tags', 'x']), EXIT.usage, /the key: .*must be a u32/)
  bad(rstore(['get', path, 'none', 'x']), EXIT.usage, /there is no "none"/)
  bad(rstore(['get', join(directory, 'none'), 'a', 'b']), EXIT.cannotOpen, /no such file/)
  bad(rstore(['get', directory, 'a', 'b']), EXIT.cannotOpen, /a folder, and not that of a store/)
})

test('keys that look like something else', () => {
  const { path, region } = makeRegion()
  region.map('words', t.string, t.optional(t.string))
  region.close()
  for (const key of ['-', '--json', 'help', '']) {
    good(rstore(['set', path, '--', 'words', key, JSON.stringify(key)]))
    assert.is(JSON.parse(good(rstore(['get', path, 'words', '--', key]))), key)
  }
  assert.is(good(rstore(['get', path, 'words', 'help'])), '"help"\n')
  assert.is(good(rstore(['get', path, 'words', '-'])), '"-"\n')
  assert.is(good(rstore(['scan', path, 'words', '--lt=-1'])), '  ""\n-  "-"\n--json  "--json"\n')
  good(rstore(['set', path, 'words', 'input', '-'], '"from standard input"'))
  assert.is(good(rstore(['get', path, 'words', 'input'])), '"from standard input"\n')
  good(rstore(['set', path, 'words', 'nothing', 'null']))
  assert.is(good(rstore(['get', path, 'words', 'nothing'])), 'null\n')
})

test('set and delete, while another handle has the region open', () => {
  const { path, region } = makeRegion()
  const cities = region.map('cities', t.string, City)
  good(rstore(['set', path, 'cities', 'DK/Ribe', '{"name":"Ribe","area":9}']))
  assert.is(region.read(() => cities.get('DK/Ribe')!.area), 9n)
  assert.equal([...cities.index('by name', 'name').keys({ gte: 'Ribe', lte: 'Ribe' })], ['DK/Ribe'])
  good(rstore(['set', path, 'cities', 'DK/Ribe', '-'], '{"name":"Ribe","area":10}'))
  assert.is(region.read(() => cities.get('DK/Ribe')!.area), 10n)
  good(rstore(['set', path, 'settings', '{"theme":"light"}']))
  assert.equal(region.read(() => region.value('settings', t.json).get()), { theme: 'light' })
  good(rstore(['delete', path, 'cities', 'DK/Ribe']))
  good(rstore(['delete', path, 'tags', '1']))
  assert.equal(region.read(() =>
    [cities.size, region.multimap('tags', t.u32, t.string).size]), [3, 0])
  const epoch = region.stats().epoch
  bad(rstore(['set', path, 'cities', 'x', '{"name":1}']), EXIT.usage, /City\.name: expected/)
  bad(rstore(['set', path, 'cities', 'x', '{name']), EXIT.usage, /must be JSON/)
  bad(rstore(['set', path, 'places', 'x', '""']), EXIT.usage, /quotes: '\["text",1\]'\n/)
  bad(rstore(['set', path, 'cities', 'x']), EXIT.usage, /a value is missing/)
  bad(rstore(['delete', path, 'cities', 'none']), EXIT.usage, /cities has no none/)
  bad(rstore(['delete', path, 'cities']), EXIT.usage, /drop-map/)
  assert.is(region.read(() => cities.size), 3)
  assert.is(region.read(() => region.stats().epoch), epoch, 'what is refused commits nothing')
  region.close()
})

test('busy: exit code 4, and reading goes on', () => {
  const { path, region } = makeRegion()
  region.transact(() => {
    bad(rstore(['set', path, 'settings', '1', '--wait', '0.1']), EXIT.busy,
      /waits for as long as --wait says \[RSTORE_BUSY/)
    bad(rstore(['drop-map', path, 'cities', '--wait', '0.1']), EXIT.busy, /RSTORE_BUSY/)
    region.map('cities', t.string, City).delete('NO/Oslo')
    assert.is(good(rstore(['scan', path, 'cities', '--count'])), '3\n')
  })
  assert.is(good(rstore(['scan', path, 'cities', '--count'])), '2\n')
  region.close()
})

test('scan: ranges, both directions, limits, counts, multimaps', () => {
  const { path, region } = makeRegion()
  region.close()
  const keys = (...args: string[]) => good(rstore(['scan', path, ...args, '--json'])).split('\n')
    .filter((line) => line !== '').map((line) => JSON.parse(line).key)
  assert.equal(keys('cities'), ['NO/Bergen', 'NO/Oslo', 'SE/Lund'])
  assert.equal(keys('cities', '--gte', 'NO/Oslo', '--lt', 'SE/Lund'), ['NO/Oslo'])
  assert.equal(keys('cities', '--gt', 'NO/Bergen', '--lte', 'SE/Lund'), ['NO/Oslo', 'SE/Lund'])
  assert.equal(keys('cities', '--reverse', '--limit', '2'), ['SE/Lund', 'NO/Oslo'])
  assert.equal(keys('tags'), [1, 1])
  assert.is(good(rstore(['scan', path, 'cities', '--count', '--lt', 'O'])), '2\n')
  assert.match(good(rstore(['scan', path, 'places'])), /^\["x",-1\] {2}\{"\$bytes":"AQI="\}\n$/)
  bad(rstore(['scan', path, 'settings']), EXIT.usage, /single value: use `rstore get`/)
  bad(rstore(['scan', path, 'cities', '--gt', 'a', '--gte', 'b']), EXIT.usage, /not both/)
  bad(rstore(['scan', path, 'cities', '--limit', '-1']), EXIT.usage, /limit/)
  bad(rstore(['scan', path, 'tags', '--gt', 'x']), EXIT.usage, /u32/)
})

test('dates: strict ISO 8601, as keys and in values', () => {
  const path = freshPath()
  const region = Region.create(path, { capacity: '16MiB', durability: 'none' })
  region.map('days', t.date, t.struct('Day', { at: t.optional(t.date), any: t.json }))
  region.close()
  const value = '{"at":"2001-02-03 04:05+01:00","any":{"$date":"2001-02-03"}}'
  good(rstore(['set', path, 'days', '2001-02-03', value]))
  assert.equal(JSON.parse(good(rstore(['get', path, 'days', '2001-02-03T01:00+01:00']))),
    { at: '2001-02-03T03:05:00.000Z', any: { $date: '2001-02-03T00:00:00.000Z' } })
  for (const key of ['2001-02-30', '5', '1e12', '2001-02-03T04:05']) {
    const message = new RegExp(`expected a date of ISO 8601, such as .*got "${key}"`)
    bad(rstore(['set', path, 'days', key, value]), EXIT.usage, message)
    bad(rstore(['get', path, 'days', key]), EXIT.usage, message)
    bad(rstore(['scan', path, 'days', '--gte', key]), EXIT.usage, message)
    bad(rstore(['set', path, 'days', '2002-01-01', JSON.stringify({ at: key, any: 1 })]),
      EXIT.usage, message)
    const loaded = rstore(['load', path, '--map', 'days', '--key', 'id'],
      `{"id":"2002-01-01","any":{"$date":"${key}"}}`)
    assert.match(loaded.stderr, /^rstore: line 1: expected a date/)
  }
  assert.is(good(rstore(['scan', path, 'days', '--count'])), '1\n')
})

test('a value on standard input that is not UTF-8 is refused', () => {
  const { path, region } = makeRegion()
  region.close()
  bad(rstore(['set', path, 'settings', '-'], Buffer.from([0x22, 0xff, 0x22])), EXIT.usage,
    /the value is not UTF-8/)
  good(rstore(['set', path, 'settings', '-'], '"\u00e5"'))
  assert.is(good(rstore(['get', path, 'settings'])), '"\u00e5"\n')
})

test('names and values cannot command the terminal', () => {
  const { path, region } = makeRegion()
  const texts = region.map('texts', t.string, t.string)
  region.transact(() => texts.set(RED, '\u0007\u007f,\n'))
  region.close()
  const shown = [
    ['names', path], ['names', path, '--json'], ['get', path, 'cities', 'SE/Lund'],
    ['scan', path, 'cities'], ['scan', path, 'cities', '--json'], ['inspect', path],
    ['inspect', path, '--json'], ['inspect', path, '--map', 'cities', '--json'],
  ].map((args) => good(rstore(args)))
  const csv = ['dump', path, '--map', 'texts', '--format', 'csv']
  shown.push(good(rstoreOnTerminal(csv)), good(rstoreOnTerminal(['dump', path])))
  assert.is(good(rstore(csv)), `key,value\n${RED},"\u0007\u007f,\n"\n`, 'a pipe has it as it is')
  const said = [['get', path, 'cities', RED], ['get', path, `${RED}x`, 'y']]
    .map((args) => rstore(args).stderr)
  for (const text of [...shown, ...said]) {
    assert.not.match(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/)
  }
  assert.is(JSON.parse(shown[2]!).name, RED, 'JSON means the same')
})

test('names, rename-map, drop-map', () => {
  const { path, region } = makeRegion()
  region.close()
  assert.match(good(rstore(['names', path])), /cities +map +string +City +3 +by name/)
  good(rstore(['rename-map', path, 'cities', 'towns']))
  good(rstore(['drop-map', path, 'tags']))
  const names = JSON.parse(good(rstore(['names', path, '--json']))) as { name: string }[]
  assert.equal(names.map(({ name }) => name), [RED, 'places', 'settings', 'towns'])
  assert.is(names.at(-1)!.name, 'towns')
  bad(rstore(['rename-map', path, 'none', 'x']), EXIT.usage, /there is no "none"/)
  bad(rstore(['rename-map', path, 'towns', 'places']), EXIT.usage, /RSTORE_EXISTS/)
  bad(rstore(['rename-map', path, 'towns', '']), EXIT.usage, /not renamed: .*not empty/)
  bad(rstore(['drop-map', path, 'none']), EXIT.usage, /there is no none/)
})

test('dump --map: each takes one name, before the file as after it', () => {
  const { path, region } = makeRegion()
  region.close()
  const mapsIn = (dump: string): string[] => JSON.parse(dump.split('\n')[0]!).names
    .map(({ name }: { name: string }) => name)
  assert.equal(mapsIn(good(rstore(['dump', '--map', 'places', path]))), ['places'])
  const two = good(rstore(['dump', '--map', 'places', path, '--map', 'tags']))
  assert.equal(mapsIn(two), ['places', 'tags'])
  for (const [args, message] of [
    [[path, '--map'], /^rstore: --map needs a value$/m],
    [[path, '--map', 'places', 'tags'], /^rstore: Too many arguments: tags$/m],
  ] as const) {
    const { status, stderr } = rstore(['dump', ...args])
    assert.is(status, EXIT.usage)
    assert.match(stderr, message)
  }
})

test('fields of type t.packed: the record where there is a store; loading refuses them', () => {
  const folder = join(directory, 'shop')
  const store = Store.open(folder, { create: true })
  const page = store.pack('page', { root: City }, () => ({ name: RED, area: 1n }))!
  const shelves = store.region('library').map('shelves', t.string,
    t.struct('Shelf', { page: t.optional(t.packed(City)) }))
  store.region('library').transact(() => {
    shelves.set('empty', {})
    shelves.set('full', { page })
  })
  page.close()
  const file = store.region('library').path!
  store.close()
  const { $packed, ref, value } = JSON.parse(
    good(rstore(['get', `${folder}/library`, 'shelves', 'full']))).page
  assert.equal(value, { name: RED, area: '1' })
  const plain = `{"page":{"$packed":${$packed},"ref":${ref}}}`
  const scanned = good(rstore(['scan', `${folder}/library`, 'shelves']))
  assert.not.match(scanned, /[\u001b\u009b\u202e]/)
  assert.is(JSON.parse(scanned.split('\n')[1]!.slice('full  '.length)).page.value.name, RED)
  assert.is(good(rstore(['scan', file, 'shelves'])), `empty  {}\nfull  ${plain}\n`)
  const dump = good(rstore(['dump', `${folder}/library`]))
  assert.ok(dump.endsWith(`{"map":"shelves","key":"full","value":${plain}}\n`), dump)
  const { status, stderr } = rstore(['load', freshPath()], dump)
  assert.is(status, EXIT.usage)
  assert.match(stderr, /line 3: what is in a packed region cannot be given as JSON.*\nNothing was/)
  const loaded = rstore(['load', freshPath(), '--skip-bad'], dump)
  assert.equal([loaded.status, loaded.stderr.split('\n').length], [EXIT.ok, 2], loaded.stderr)
  bad(rstore(['dump', `${folder}/library`, '--map', 'shelves', '--format', 'csv']), EXIT.usage,
    /field page of shelves is of type packed: CSV has no nested types/)
})

test('pack and thaw', async () => {
  const { path, region } = makeRegion()
  region.transact(() => region.value('root', City).set({ name: 'Root', area: 1n }))
  region.close()
  const [packed, other, thawed] = [freshPath(), freshPath(), freshPath()]
  good(rstore(['pack', path, packed]))
  good(rstore(['pack', path, other, '--root', 'cities']))
  bad(rstore(['pack', path, packed]), EXIT.usage,
    /there is a file of that name. Choose another one, or remove it\n/)
  good(rstore(['pack', path, packed, '--replace']))
  bad(rstore(['pack', path, path, '--replace']), EXIT.usage, /is not packed: --replace/)
  bad(rstore(['pack', path, join(directory, 'none/x')]), EXIT.cannotOpen, /none: no such folder/)
  bad(rstore(['pack', path, freshPath(), '--root', 'none']), EXIT.usage, /there is no "none"/)
  const loaded = Packed.load(packed, { root: City })
  assert.is(loaded.root.name, 'Root')
  loaded.close()
  const map = Packed.load(other, { root: t.map(t.string, City) })
  assert.is(map.root.get('NO/Oslo')!.name, 'Oslo')
  map.close()
  assert.ok((await Packed.verify(packed)).ok)
  assert.equal(JSON.parse(good(rstore(['get', packed, 'settings']))), { theme: 'dark' })
  bad(rstore(['set', packed, 'settings', '1']), EXIT.cannotOpen, /packed region/)
  good(rstore(['thaw', packed, thawed]))
  assert.is(JSON.parse(good(rstore(['get', thawed, 'root']))).name, 'Root')
  bad(rstore(['thaw', packed, thawed]), EXIT.usage, /there is a file of that name/)
  const named = freshPath()
  good(rstore(['thaw', other, named]))
  assert.match(good(rstore(['verify', named])), /^sound/, 'the root is owned by one name')
  bad(rstore(['thaw', path, freshPath()]), EXIT.usage, /live region/)
  assert.not(existsSync(join(directory, `${count - 1}.region`)))
})

test('the root of a packed region that lists what it has', () => {
  const { path, region } = makeRegion()
  region.close()
  const packed = freshPath()
  good(rstore(['pack', path, packed]))
  assert.match(good(rstore(['names', packed])), /root +value +Names +1/)
  assert.equal(JSON.parse(good(rstore(['get', packed, 'root']))).names,
    [RED, 'cities', 'places', 'settings', 'tags'])
})

test('stores: DIR lists its regions, DIR/NAME is one', () => {
  const folder = join(directory, 'store')
  const store = Store.open(folder, { create: true })
  const shelves = store.region('the shelves', { capacity: '4MiB' })
  shelves.transact(() => shelves.map('books', t.u32, t.string).set(1, 'Ibsen'))
  store.pack('old', { root: City }, () => ({ name: 'Trondheim', area: 1n }))!.close()
  assert.match(good(rstore(['names', folder])), /the shelves +live[^]*old +packed/)
  const inside = join(folder, 'the shelves')
  assert.match(good(rstore(['names', inside])), /books +map +u32 +string +1/)
  assert.is(JSON.parse(good(rstore(['get', inside, 'books', '1']))), 'Ibsen')
  good(rstore(['set', inside, 'books', '2', '"Hamsun"']))
  assert.is(shelves.read(() => shelves.map('books', t.u32, t.string).get(2)), 'Hamsun')
  assert.is(JSON.parse(good(rstore(['get', join(folder, 'old'), 'root']))).name, 'Trondheim')
  bad(rstore(['get', folder, 'books', '1']), EXIT.usage, /is a store: name one of its regions/)
  bad(rstore(['get', join(folder, 'none'), 'books', '1']), EXIT.cannotOpen, /has no region "none"/)
  store.close()
})

test('a shared vector: its size, its end, and what is pushed', () => {
  const path = freshPath()
  const vector = SharedVector.create(path, t.u64, { capacity: '1MiB' })
  for (let i = 0; i < 20; i++) vector.push(BigInt(i))
  assert.match(good(rstore(['vector', path])), /elements +20 of u64$/m)
  assert.is(good(rstore(['vector', path, '--tail', '2'])), '"18"\n"19"\n')
  bad(rstore(['vector', makeRegionClosed()]), EXIT.usage, /not a shared vector/)
  vector.close()
})

test('a vector is followed over what was popped; what JSON has no numbers for', async () => {
  const path = freshPath()
  const vector = SharedVector.create(path, t.f64, { capacity: '1MiB' })
  vector.pushMany(Float64Array.of(1, -0, NaN))
  const child = spawn(process.execPath, [PROGRAM, 'vector', path, '-f'],
    { stdio: ['ignore', 'pipe', 'inherit'] })
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { shown += text })
  const shows = async (text: string): Promise<void> => {
    while (shown !== text) {
      assert.ok(text.startsWith(shown), shown)
      await sleep(20)
    }
  }
  try {
    await shows('1\n"-0"\n"NaN"\n')
    vector.push(2)
    await shows('1\n"-0"\n"NaN"\n2\n')
    for (let i = 0; i < 3; i++) vector.pop()
    await sleep(500)
    vector.pushMany(Float64Array.of(3, Infinity))
    await shows('1\n"-0"\n"NaN"\n2\n3\n"Infinity"\n')
  } finally {
    child.kill('SIGINT')
    await once(child, 'exit')
    vector.close()
  }
})

function makeRegionClosed(): string {
  const { path, region } = makeRegion()
  region.close()
  return path
}

test('upgrade says that there is nothing to do', () => {
  const path = makeRegionClosed()
  const before = readFileSync(path)
  assert.match(good(rstore(['upgrade', path])), /version 1, the newest there is: nothing to do/)
  assert.ok(readFileSync(path).equals(before))
  bad(rstore(['upgrade', join(directory, 'none')]), EXIT.cannotOpen, /no such file/)
})

test.run()
