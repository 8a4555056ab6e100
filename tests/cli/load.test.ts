/** `rstore dump` and `rstore load`: there and back, bad rows, interruptions, memory. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs, {
  closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, utimesSync,
  writeFileSync, writeSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../cli/commands/load.js'
import { UsageError } from '../../cli/shared/errors.js'
import { EXIT } from '../../cli/shared/exit-codes.js'
import { Region, t } from '../../lib/index.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { verifyFile } from '../harness/with-region.js'
import { good, PROGRAM, rstore } from './run.js'

const test = suite('dump and load')

const directory = temporaryDirectory()
let count = 0
const freshPath = (): string => join(directory, `${count++}.region`)

const Node = t.struct('Node', { name: t.string, next: t.optional(t.self) })
const Flat = t.struct('Flat',
  { n: t.f64, bytes: t.bytes, on: t.bool, at: t.optional(t.date), text: t.string })

function makeRegion(): string {
  const path = freshPath()
  const region = Region.create(path, { capacity: '16MiB', durability: 'none' })
  const nodes = region.map('nodes', t.u64, Node)
  const flat = region.map('flat', t.string, Flat)
  flat.index('by n', ['n', 'on'], { unique: true })
  region.transact(() => {
    const alone = region.alloc(Node, { name: 'alone' })
    nodes.set(1n, { name: 'one', next: alone })
    region.deref(alone).next = nodes.get(1n)!
    nodes.set(2n ** 60n, { name: '\u0007"quoted", \n🙂', next: nodes.get(1n)! })
    flat.set('a,"b"', { n: -0.5, bytes: Uint8Array.of(0, 255), on: true, text: 'x\r\ny' })
  })
  region.close()
  return path
}

test('a dump is loaded as it was, from a file and from standard input', async () => {
  const path = makeRegion()
  const dump = good(rstore(['dump', path]))
  const file = join(directory, 'dump.jsonl')
  writeFileSync(file, dump)
  const [first, second] = [freshPath(), freshPath()]
  assert.equal(JSON.parse(good(rstore(['load', first, file, '--json']))),
    { loaded: 3, replaced: 0, skipped: 0 })
  good(rstore(['load', second], dump))
  for (const copy of [first, second]) {
    assert.is(good(rstore(['dump', copy])), dump)
    await verifyFile(copy)
  }
  assert.match(good(rstore(['load', first, file])), /^3 loaded, 3 of them replaced others, in/)
  assert.is(good(rstore(['dump', first])), dump)
})

test('a dump under the first line of a later version of the types: refs are kept', async () => {
  const Later = t.struct('Node',
    { name: t.string, next: t.optional(t.self), rank: t.default(t.u32, 7), at: t.optional(t.date) })
  const [from, empty, to] = [makeRegion(), freshPath(), freshPath()]
  const made = Region.create(empty, { capacity: '16MiB' })
  made.map('nodes', t.u64, Later).index('by rank', 'rank')
  made.map('flat', t.string, Flat)
  made.close()
  const [first] = good(rstore(['dump', empty])).split('\n')
  const lines = good(rstore(['dump', from])).split('\n').slice(1)
  writeFileSync(`${to}.jsonl`, [first, ...lines].join('\n'))
  good(rstore(['load', to, `${to}.jsonl`]))
  const region = Region.open(to)
  const nodes = region.map('nodes', t.u64, Later)
  region.transact(() => {
    const node = nodes.get(1n)!
    assert.equal([node.rank, node.next!.name, node.next!.next!.name], [7, 'alone', 'one'])
    Object.assign(node, { rank: 8, at: new Date(5) })
    assert.is(nodes.get(2n ** 60n)!.next!.rank, 8)
    assert.equal([...nodes.index('by rank', 'rank').keys()], [2n ** 60n, 1n])
  })
  region.close()
  await verifyFile(to)
})

test('CSV: there and back; what it cannot hold is refused', () => {
  const path = makeRegion()
  const csv = good(rstore(['dump', path, '--map', 'flat', '--format', 'csv']))
  assert.is(csv, 'key,n,bytes,on,at,text\n"a,""b""",-0.5,AP8=,true,,"x\r\ny"\n')
  const [schema, file, copy] = [join(directory, 's.jsonl'), join(directory, 'f.csv'), freshPath()]
  writeFileSync(schema, good(rstore(['dump', path])))
  writeFileSync(file, csv)
  good(rstore(['load', copy, file, '--map', 'flat', '--key', 'key', '--schema', schema]))
  assert.is(good(rstore(['dump', copy, '--map', 'flat', '--format', 'csv'])), csv)
  const refused = rstore(['dump', path, '--map', 'nodes', '--format', 'csv'])
  assert.equal([refused.status, refused.stdout], [EXIT.usage, ''])
  assert.match(refused.stderr, /field next of nodes is of type ref: CSV has no nested types/)
  assert.is(rstore(['dump', path, '--format', 'csv']).status, EXIT.usage)
})

test('types are told from the rows, and said', () => {
  const path = freshPath()
  const rows = [
    { id: 7, name: 'a', tags: ['x'], at: { lat: 1, lon: 2.5 }, on: true, any: [1, 'x'] },
    { id: 3, name: 'b', tags: [], at: { lat: 1, lon: 2 }, on: false, any: {}, more: 1 },
  ]
  const input = `\ufeff${rows.map((row) => JSON.stringify(row)).join('\r\n')}\n\n`
  const { status, stderr } = rstore(['load', path, '--map', 'm', '--key', 'id'], input)
  assert.is(status, EXIT.ok)
  const { key, value } = JSON.parse(stderr.slice(stderr.indexOf('{')))
  assert.is(key, 'u32')
  assert.equal(Object.fromEntries(value.fields), {
    name: 'string', tags: { array: 'string' }, on: 'bool', any: 'json', more: { optional: 'f64' },
    at: { struct: 'at', fields: [['lat', 'f64'], ['lon', 'f64']] },
  })
  const shown = good(rstore(['scan', path, 'm', '--json'])).trim().split('\n')
  assert.equal(shown.map((line) => JSON.parse(line)), [...rows].reverse()
    .map(({ id, ...rest }) => ({ key: id, value: rest })))
  good(rstore(['load', path, '--map', 'm', '--key', 'id'],
    '{"more":null,"id":9,"name":"c","tags":[],"at":{"lat":0,"lon":0},"on":true,"any":null}'))
  const csv = 'town,year,people,note\nOslo,2020,697010,\n Bergen ,2021,2.5,"a, b"\n'
  const tuple = freshPath()
  const file = join(directory, 'towns.csv')
  writeFileSync(file, csv)
  assert.match(rstore(['load', tuple, file, '--map', 't', '--key', 'town,year']).stderr,
    /"key":\{"tuple":\["string","u32"\]\}.*\["people","f64"\],\["note",\{"optional":"string"\}\]/)
  assert.equal(JSON.parse(good(rstore(['get', tuple, 't', '[" Bergen ",2021]']))),
    { people: 2.5, note: 'a, b' })
})

test('a key that does not fit the rows, or the map, is said to be what is wrong', () => {
  const path = freshPath()
  const csv = ['load', path, '--format', 'csv', '--map', 'm', '--key']
  assert.is(rstore([...csv, 'id'], 'id,name\n1,a\n').status, EXIT.ok)
  const wrong: [key: string, message: RegExp][] = [
    ['none', /^rstore: no column is called "none", which .* key; there are "id", "name"$/m],
    ['id,name', /^rstore: --key id,name: 2 fields, but keys of "m" are of type u32$/m],
  ]
  for (const [key, message] of wrong) {
    const { status, stdout, stderr } = rstore([...csv, key], 'id,name\n2,b\n')
    assert.equal([status, stdout], [EXIT.usage, ''])
    assert.match(stderr, message)
  }
  assert.is(good(rstore(['scan', path, 'm'])), '1  {"name":"a"}\n')
})

test('bad rows: their number is said; left out only with --skip-bad', () => {
  const path = freshPath()
  const input = Buffer.concat([
    Buffer.from('{"id":1,"n":1}\nnonsense\n{"id":2}\n{"id":3,"n":"x"}\n[1]\n'),
    Buffer.from('{"id":"\u001b","n":1}\n'),
    Buffer.from([0x22, 0xff, 0x22, 10]),
    Buffer.from('{"id":4,"n":4,"extra":1}\n{"id":5,"n":5}'),
  ])
  const schema = join(directory, 'n.json')
  writeFileSync(schema, '{\n"key": "u32", "value": {"struct": "N", "fields": [["n", "f64"]]}}')
  const args = ['load', path, '--map', 'm', '--key', 'id', '--schema', schema]
  const refused = rstore(args, input)
  assert.is(refused.status, EXIT.usage)
  assert.match(refused.stderr, /^rstore: line 2: .*\nNothing was loaded\. --skip-bad leaves/)
  assert.equal(readdirSync(directory).filter((name) => name.startsWith(`${count - 1}.`)), [])
  const skipping = rstore([...args, '--skip-bad', '--json'], input)
  assert.equal([skipping.status, JSON.parse(skipping.stdout)],
    [EXIT.ok, { loaded: 2, replaced: 0, skipped: 7 }])
  const told = skipping.stderr.trim().split('\n').map((line) => /^line (\d+): (.*)$/.exec(line)!)
  assert.equal(told.map(([, line]) => Number(line)), [2, 3, 4, 5, 6, 7, 8])
  assert.match(told[1]![2]!, /N\.n: expected a number/)
  assert.match(told[5]![2]!, /not UTF-8/)
  assert.match(told[6]![2]!, /N has no field "extra"/)
  assert.is(good(rstore(['scan', path, 'm', '--count'])), '2\n')
  const more = rstore(args, '{"id":6,"n":6}\n{"id":6,"n":"bad"}')
  assert.is(more.status, EXIT.usage)
  assert.is(good(rstore(['scan', path, 'm', '--count'])), '2\n', 'nothing of it is there')
})

test('wrong arguments, before anything is made', () => {
  const path = freshPath()
  const wrong: [string[], string, RegExp][] = [
    [[], '{"id":1}', /the input is no dump: say into which map/],
    [['--map', 'm'], '{"id":1}', /no dump/],
    [['--map', 'm', '--key', 'none'], '{"id":1}', /no row has the field "none".* has "id"/],
    [['--map', 'm', '--key', 'id'], '{"id":[]}', /field "id" cannot be the key/],
    [['--map', 'm', '--key', 'a', '--format', 'csv'], 'a,b,b\n1,2,3\n', /two columns .* "b"/],
    [['--map', 'm', '--key', 'a', '--format', 'csv'], 'a,b\n1,2\n3,"', /behind row 1/],
    [['--map', 'm', '--key', 'id', '--schema', directory], '{"id":1}', /: a folder/],
    [['--map', 'm', '--key', 'id'], '', /no row to tell the types from/],
    [['--map', 'm', '--key', 'id', '--capacity', 'much'], '{"id":1}',
      /--capacity: .*, not "much"$/m],
    [['--map', 'm', '--key', 'id', '--capacity', '77'], '{"id":1}',
      /--capacity: .* between 1MiB and 32GiB/],
    [['--map', 'm', '--key', 'id', '--schema', path], '{"id":1}', /no such file/],
    [['--map', 'm'], '{"rstore":"dump","version":1,"names":[]}', /leave out --map/],
    [[], '{"rstore":"dump","version":9,"names":[]}', /version 9/],
    [[join(directory, 'none')], '', /no such file/],
  ]
  for (const [args, input, message] of wrong) {
    const { status, stdout, stderr } = rstore(['load', path, ...args], input)
    assert.match(stderr, message)
    assert.is(stdout, '')
    assert.ok(status === EXIT.usage || status === EXIT.cannotOpen, `${status}`)
    assert.equal(readdirSync(directory).filter((name) => name.startsWith(`${count - 1}.`)), [])
  }
})

/** Begins to load rows into a region and waits until `isUnderWay`; the input stays open. */
async function startLoad(path: string, isUnderWay: () => boolean) {
  const child = spawn(process.execPath, [PROGRAM, 'load', path, '--map', 'm', '--key', 'id'],
    { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => {})
  const rows = Array.from({ length: 60_000 }, (_, id) => `{"id":${id},"text":"${'x'.repeat(100)}"}`)
  child.stdin.write(`${rows.join('\n')}\n`)
  const ended = once(child, 'exit')
  while (!isUnderWay() && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return { child, ended }
}

test('Ctrl-C while a new file is loaded: nothing is left of it', async () => {
  const path = freshPath()
  const files = () => readdirSync(directory).filter((name) => name.startsWith(`${count - 1}.`))
  const { child, ended } = await startLoad(path, () => files().length > 1)
  assert.ok(files().length > 0, 'it was under way')
  assert.not(existsSync(path), 'and not there yet')
  child.kill('SIGINT')
  assert.equal(await ended, [null, 'SIGINT'])
  assert.equal(files(), [])
})

/** Loads in this process; what was loaded is there and whole. */
async function loadHere(file: string, input: string): Promise<void> {
  await run({
    file, input, map: 'm', key: 'id', 'skip-bad': false, capacity: '64MiB', json: true, wait: 0,
  } as never)
}

async function hasRows(path: string, rows: number): Promise<void> {
  assert.is(good(rstore(['scan', path, 'm', '--count'])), `${rows}\n`)
  await verifyFile(path)
}

test('two of one process number that load one new file: one does, neither harms', async () => {
  const [path, input] = [freshPath(), writeRows(20_000)]
  const both = await Promise.allSettled([loadHere(path, input), loadHere(path, input)])
  const failed = both.flatMap((one) => one.status === 'rejected' ? [one.reason] : [])
  assert.is(failed.length, 1)
  assert.ok(failed[0] instanceof UsageError, failed[0]?.stack)
  assert.match(failed[0].message, /there is a file of that name/)
  await hasRows(path, 20_000)
  assert.equal(readdirSync(directory).filter((name) => name.startsWith(`${count - 1}.`)),
    [`${count - 1}.region`])
})

test('what killed ones left, and what others called so, is in nobody\'s way', async () => {
  const path = freshPath()
  const files = () => readdirSync(directory).filter((name) => name.startsWith(`${count - 1}.`))
  const { child, ended } = await startLoad(path, () => files().some((name) => /-wal$/.test(name)))
  child.kill('SIGKILL')
  assert.equal(await ended, [null, 'SIGKILL'])
  assert.ok(files().length > 0, 'it left something')
  const foreign = `${path}.${process.pid}.tmp`
  writeFileSync(foreign, 'a letter')
  const before = files()
  await loadHere(path, writeRows(1000))
  await hasRows(path, 1000)
  assert.equal(files(), [`${count - 1}.region`, ...before].sort())
  assert.is(readFileSync(foreign, 'utf8'), 'a letter')
})

test('what a killed one left goes with the next load; what is in use stays', async () => {
  const path = freshPath()
  const temporaries = () => readdirSync(directory)
    .filter((name) => name.startsWith(`${count - 1}.`) && name.endsWith('.tmp'))
    .map((name) => join(directory, name))
  const hasLog = () => temporaries().some((name) => existsSync(`${name}-wal`))
  const killed = await startLoad(path, hasLog)
  killed.child.kill('SIGKILL')
  await killed.ended
  const [left] = temporaries()
  const alive = await startLoad(path, () =>
    temporaries().some((name) => name !== left && existsSync(`${name}-wal`)))
  const letter = `${path}.0123456789abcdef.tmp`
  writeFileSync(letter, 'a letter')
  const long = new Date(Date.now() - 3_600_000)
  for (const name of temporaries()) utimesSync(name, long, long)
  const input = writeRows(1000)
  const next = rstore(['load', path, input, '--map', 'm', '--key', 'id'])
  assert.is(next.status, EXIT.ok, next.stderr)
  const said = `${left}: left by a load that was killed; removed\n`
  assert.ok(next.stderr.startsWith(said), next.stderr)
  for (const end of ['', '-wal', '-lock']) assert.not(existsSync(left + end), end)
  await hasRows(path, 1000)
  assert.is(temporaries().length, 2, 'the letter, and what is still being loaded')
  alive.child.kill('SIGINT')
  assert.equal(await alive.ended, [null, 'SIGINT'])
  assert.equal(temporaries(), [letter])
})

test('a new file gets its name when everybody else has let go of it', async () => {
  const path = freshPath()
  const temporary = () => readdirSync(directory)
    .find((name) => name.startsWith(`${count - 1}.`) && name.endsWith('.tmp'))
  const { child, ended } = await startLoad(path, () => {
    const name = temporary()
    return name !== undefined && existsSync(join(directory, `${name}-wal`))
  })
  const other = Region.open(join(directory, temporary()!))
  child.stdin.end()
  await new Promise((resolve) => setTimeout(resolve, 1500))
  assert.not(existsSync(path))
  other.close()
  assert.equal(await ended, [0, null])
  await hasRows(path, 60_000)
})

test('the name of what was loaded is on the disk, too', async () => {
  const path = freshPath()
  const { fsyncSync } = fs
  const synced: [target: string, isNamed: boolean][] = []
  fs.fsyncSync = (fd) => {
    synced.push([readlinkSync(`/proc/self/fd/${fd}`), existsSync(path)])
    fsyncSync(fd)
  }
  syncBuiltinESMExports()
  try {
    await loadHere(path, writeRows(1000))
  } finally {
    fs.fsyncSync = fsyncSync
    syncBuiltinESMExports()
  }
  assert.equal(synced, [[directory, true]])
})

test('Ctrl-C while a file is loaded into: the transaction is undone', async () => {
  const path = freshPath()
  const region = Region.create(path, { durability: 'none' })
  region.map('m', t.u32, t.struct('m', { text: t.string }))
  const { epoch } = region.stats()
  const isLocked = () => region.readers().length > 1
  const { child, ended } = await startLoad(path, isLocked)
  await new Promise((resolve) => setTimeout(resolve, 300))
  child.kill('SIGINT')
  assert.equal(await ended, [null, 'SIGINT'])
  assert.equal(region.read(() => [region.stats().epoch, region.names()[0]!.size]), [epoch, 0])
  region.transact(() => region.map('m', t.u32, t.struct('m', { text: t.string }))
    .set(1, { text: 'the lock is free' }))
  region.close()
  await verifyFile(path)
})

const DUMP_HEAD = JSON.stringify({
  rstore: 'dump', version: 1, names: [
    { name: 'm', kind: 'map', key: 'u32', value: { struct: 'm', fields: [['text', 'string']] } },
  ],
})

function writeRows(rows: number, isDump = false): string {
  const path = join(directory, `${rows}.jsonl`)
  const file = openSync(path, 'w')
  const text = 'word '.repeat(60)
  const lineOf = (id: number): object =>
    isDump ? { map: 'm', key: id, value: { text } } : { id, text }
  if (isDump) writeSync(file, `${DUMP_HEAD}\n`)
  for (let id = 0; id < rows; id += 1000) {
    const lines = Array.from({ length: 1000 }, (_, i) => JSON.stringify(lineOf(id + i)))
    writeSync(file, `${lines.join('\n')}\n`)
  }
  closeSync(file)
  return path
}

test('a reader of a dump that goes away ends it quietly', async () => {
  const path = freshPath()
  rstore(['load', path, writeRows(20_000), '--map', 'm', '--key', 'id'])
  const child = spawn(process.execPath, [PROGRAM, 'dump', path],
    { stdio: ['ignore', 'pipe', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  child.stdout.once('data', () => child.stdout.destroy())
  const [code] = await once(child, 'close') as [number]
  assert.equal([code, Buffer.concat(errors).toString()], [141, ''])
})

for (const isDump of [false, true]) {
  const what = isDump ? 'lines of a dump' : 'rows'
  test(`200,000 ${what} take no more memory than 50,000`, () => checkMemory(isDump))
}

function checkMemory(isDump: boolean): void {
  /** With a heap that would not hold them: what is kept of them ends it. */
  const peakOf = (rows: number): number => {
    const { status, stdout, stderr } = spawnSync(process.execPath,
      ['--max-old-space-size=24', '--max-semi-space-size=2',
        inRoot('dist/tests/cli/load-child.js'), freshPath(), writeRows(rows, isDump),
        ...isDump ? [] : ['--map', 'm', '--key', 'id']],
      { encoding: 'utf8' })
    assert.is(status, 0, stderr)
    const [loaded, own] = stdout.trim().split('\n').map((line) => JSON.parse(line))
    assert.is(loaded.loaded, rows)
    return own.peakBytes
  }
  const [few, many] = [peakOf(50_000), peakOf(200_000)]
  // the additional rows are 45 MiB
  const grown = (many - few) / 2 ** 20
  assert.ok(grown < 22, `${Math.round(few / 2 ** 20)} MiB, then ${Math.round(grown)} more`)
}

test('types of CSV that nobody declares lose nothing', () => {
  const csv = 'id,zip,phone,long,hex,house,when,size,flag,none,dot\n'
    + '1,01234,+47123,12345678901234567890,0x1F,12,2020,1.5,true,,.5\n'
    + '2,00501,+47124,1,31,12a,,-2e3,false,,-0.25\n'
  const path = freshPath()
  const { status, stderr } = rstore(['load', path, '--map', 'm', '--key', 'id', '--format', 'csv'],
    csv)
  assert.is(status, EXIT.ok, stderr)
  assert.match(stderr, /"none",{"optional":"string"}/)
  assert.equal(good(rstore(['scan', path, 'm', '--json'])).trim().split('\n')
    .map((line) => JSON.parse(line)), [
    { key: 1, value: {
      zip: '01234', phone: '+47123', long: '12345678901234567890', hex: '0x1F', house: '12',
      when: 2020, size: 1.5, flag: true, dot: 0.5,
    } },
    { key: 2, value: {
      zip: '00501', phone: '+47124', long: '1', hex: '31', house: '12a', size: -2000, flag: false,
      dot: -0.25,
    } },
  ])
})

test('CSV of keys and names that could be taken for something else', () => {
  const path = freshPath()
  const region = Region.create(path, { capacity: '8MiB', durability: 'none' })
  const set = region.map('set', t.string, t.struct('Nothing', {}))
  const named = region.map('named', t.u8, t.struct('Named', { key: t.u8, $key: t.u8 }))
  region.transact(() => {
    set.set('a', {})
    named.set(1, { key: 2, $key: 3 })
  })
  assert.is(good(rstore(['dump', path, '--map', 'set', '--format', 'csv'])), 'key\na\n')
  assert.is(good(rstore(['dump', path, '--map', 'named', '--format', 'csv'])),
    '$$key,key,$key\n1,2,3\n')
  region.transact(() => set.set('', {}))
  const { status, stderr } = rstore(['dump', path, '--map', 'set', '--format', 'csv'])
  assert.is(status, EXIT.usage)
  assert.match(stderr, /CSV cannot tell an empty key/)
  region.close()
})

/** What `load` says of an input that it refuses; types are told from the rows. */
async function refusalOf(content: string | Buffer, format: string): Promise<string> {
  const [file, input] = [freshPath(), join(directory, 'refused.txt')]
  writeFileSync(input, content)
  const args = {
    file, input, format, map: 'm', key: 'id', 'skip-bad': false, capacity: '8MiB', json: true,
    wait: 0,
  }
  const error = await run(args as never).then(() => undefined, (thrown) => thrown)
  assert.ok(error instanceof UsageError, error?.stack)
  assert.not(existsSync(file))
  return error.message
}

test('where no row can be read, the first one\'s fault is said', async () => {
  const cases: [string | Buffer, string, RegExp][] = [
    [Buffer.from('{"id":1,"a":"caf\xe9"}\n', 'latin1'), 'jsonl', /^line 1: it is not UTF-8\nSo/],
    ['\n[1,2]\n5\n', 'jsonl', /^line 2: it is not an object\nSo/],
    ['null', 'jsonl', /^line 1: it is not an object\nSo/],
    ['{"id":9007199254740993}', 'jsonl', /^line 1: 9007199254740993 is .*\nSo/],
    ['id,a\n1\n1,2,3\n', 'csv', /^row 1: it has 1 cells, the first row has 2 names\nSo/],
    ['', 'jsonl', /^there/],
  ]
  for (const [content, format, begin] of cases) {
    const message = await refusalOf(content, format)
    assert.match(message, begin)
    assert.match(message, /there is no row to tell the types from: declare them with --schema$/)
  }
})

test('what is nested deeper than anything stores is a bad row', async () => {
  for (const [open, close] of [['[', ']'], ['{"a":', '}']] as const) {
    const deep = `${open.repeat(5000)}1${close.repeat(5000)}`
    assert.match(await refusalOf(`{"id":1}\n{"id":2,"a":${deep}}`, 'jsonl'),
      /^line 2: it is nested too deeply\n/)
  }
})

test('schemas and first lines that make no sense are refused in a line', async () => {
  const [schemaFile, input] = [join(directory, 'nonsense.json'), join(directory, 'lines.jsonl')]
  const refused = async (options: object): Promise<void> => {
    const file = freshPath()
    const args = { file, input, 'skip-bad': false, capacity: '8MiB', json: true, wait: 0 }
    const error = await run({ ...args, ...options } as never)
      .then(() => undefined, (thrown) => thrown)
    assert.ok(error instanceof UsageError, error?.stack)
    assert.not(existsSync(file))
  }
  writeFileSync(input, '{"id":1}\n')
  const schemas = [
    { rstore: 'dump' }, { rstore: 'dump', names: [null] }, null, [], { key: 'u8' },
    { key: 'u8', value: { struct: 'P' } }, { key: { map: ['u8', 'u8'] }, value: 'u8' },
  ]
  for (const schema of schemas) {
    writeFileSync(schemaFile, JSON.stringify(schema))
    await refused({ map: 'm', key: 'id', schema: schemaFile })
  }
  const named = (rest: object) =>
    ({ rstore: 'dump', version: 1, names: [{ name: 'm', key: 'u8', value: 'u8', ...rest }] })
  const heads = [
    { rstore: 'dump', version: 1, names: 5 }, { rstore: 'dump', version: 1, names: [null] },
    { rstore: 'dump', version: 1, names: [], types: 5 }, named({ kind: 'set' }),
    named({ kind: 'value' }), named({ kind: 'map', key: undefined }),
    named({ kind: 'map', name: 5 }), named({ kind: 'map', indexes: 5 }),
    named({ kind: 'map', indexes: [{ name: 'i', by: ['none'], unique: false }] }),
    named({ kind: 'map', value: { optional: { ref: { self: 9 } } } }),
  ]
  for (const head of heads) {
    writeFileSync(input, JSON.stringify(head))
    await refused({})
  }
})

test.run()
