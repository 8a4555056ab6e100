/** What may take more than a second says how far it is, on standard error. */
import { spawnSync } from 'node:child_process'
import { closeSync, cpSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, SharedVector, Store, t } from '../../lib/index.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { PROGRAM } from './run.js'

const test = suite('progress')

const directory = temporaryDirectory()
const at = (name: string): string => join(directory, name)
const TERMINAL = inRoot('dist/tests/cli/fast-terminal.js')

/** The titles of the bars that were shown, each once, and all that was said. */
function barsOf(args: readonly string[], exitCode = 0) {
  const { status, stderr } = spawnSync(process.execPath, ['--import', TERMINAL, PROGRAM, ...args],
    { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] })
  assert.is(status, exitCode, stderr)
  const shown = stderr.matchAll(/([a-z ]+) [█░]+ (\d+)% [^\x1b]* of /g)
  return { titles: [...new Set(Array.from(shown, ([, title]) => title!))], stderr }
}

/** More pages than any of them reads before it says so. */
const NODES = 300
const ENTRIES = 10_000

async function makeFiles(): Promise<void> {
  const region = Region.create(at('live'), { capacity: '64MiB', durability: 'none' })
  const numbers = Array.from({ length: NODES * 512 }, (_, i) => [i, i] as const)
  await region.map('numbers', t.u32, t.u32).bulkLoad(numbers)
  const words = region.map('words', t.u32, t.string)
  await words.bulkLoad(numbers.slice(0, ENTRIES).map(([i]) => [i, `a word with number ${i}`]))
  const pairs = region.multimap('pairs', t.u32, t.u32)
  region.transact(() => { for (let i = 0; i < ENTRIES; i++) pairs.add(i, i) })
  await region.flush()
  region.close()
  const Root = t.map(t.u32, t.string)
  Region.pack(at('packed'), { root: Root }, (_region, root) => {
    for (let i = 0; i < 20 * ENTRIES; i++) root.set(i, `the string with number ${i}`)
    return root
  })!.close()
  const vector = SharedVector.create(at('vector'), t.u32)
  vector.pushMany(new Uint32Array(ENTRIES))
  vector.close()
  const store = Store.open(at('store'), { create: true })
  store.pack('big', { root: Root }, (_region, root) => {
    for (let i = 0; i < 20 * ENTRIES; i++) root.set(i, `the string with number ${i}`)
    return root
  })!.close()
  store.close()
}

test('every command that reads or changes much', async () => {
  await makeFiles()
  const live = at('live')
  const bars: [title: string, ...args: string[]][] = [
    ['reading', 'inspect', live],
    ['checking pages', 'verify', live],
    ['checking records', 'verify', at('packed')],
    ['checking pages', 'verify', at('store')],
    ['scanning', 'scan', live, 'words'],
    ['scanning', 'scan', live, 'pairs', '--gte', '5'],
    ['counting', 'scan', live, 'pairs', '--count'],
    ['dumping', 'dump', live],
    ['dumping', 'dump', live, '--map', 'words', '--format', 'csv'],
    ['reading elements', 'vector', at('vector'), '--tail', String(ENTRIES)],
    ['compacting', 'compact', live, '-o', at('compacted')],
    ['copying', 'backup', live, at('backup')],
    ['thawing', 'thaw', at('packed'), at('thawed')],
    ['checkpointing', 'checkpoint', live],
  ]
  for (const [title, ...args] of bars) {
    const { titles } = barsOf(args)
    assert.ok(titles.includes(title), `rstore ${args[0]}: ${titles.join(', ')}`)
  }
  cpSync(live, at('dropped'))
  for (const map of ['words', 'pairs']) {
    assert.equal(barsOf(['drop-map', at('dropped'), map]).titles, ['dropping'], map)
  }
})

test('repair: first the pages, then what is in them, whatever the first page says', () => {
  for (const [name, position] of [['page', 500_000], ['identity', 0]] as const) {
    const damaged = at(`damaged ${name}`)
    cpSync(at('live'), damaged)
    const file = openSync(damaged, 'r+')
    writeSync(file, Buffer.alloc(4096, 'x'), 0, 4096, position)
    closeSync(file)
    assert.equal(barsOf(['repair', damaged, at(`saved ${name}`)], 1).titles,
      ['reading pages', 'repairing'])
  }
})

test('the library: what is done never exceeds what there is, and never goes back', async () => {
  const region = Region.open(at('live'))
  const store = Store.open(at('store'), { readOnly: true })
  type Told = { onProgress(done: number, total: number): void }
  const works: Record<string, (told: Told) => unknown> = {
    dropMap: (told) => region.transact(() => region.dropMap('words', told)),
    verifyStore: (told) => store.verify(told),
    verifyPacked: (told) => Packed.verify(at('packed'), told),
    compact: (told) => region.compact(at('another'), told),
    thaw: (told) => Packed.thaw(at('packed'), at('thawed too'), told),
    checkpoint: (told) => region.checkpoint(told),
  }
  for (const [name, work] of Object.entries(works)) {
    let calls = 0
    let before = 0
    await work({ onProgress(done, total) {
      calls++
      assert.ok(done >= before && done <= total, `${name}: ${done} of ${total}, after ${before}`)
      before = done
    } })
    assert.ok(calls > 0, name)
  }
  store.close()
  region.close()
})

test('thawing that is ended leaves nothing, whenever that happens', async () => {
  const name = 'thawed in vain'
  const begun = performance.now()
  await Packed.thaw(at('packed'), at('how long'))
  const ms = performance.now() - begun
  for (const share of [0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1]) {
    const abort = new AbortController()
    const ended = Packed.thaw(at('packed'), at(name), { signal: abort.signal })
      .then(() => true, (error: unknown) => error)
    await sleep(share * ms)
    abort.abort(new Error('enough'))
    const left = (): string[] => readdirSync(directory).filter((one) => one.startsWith(name))
    const atOnce = left()
    const result = await ended
    if (result === true) for (const one of left()) rmSync(at(one))
    else assert.equal([result, atOnce, left()], [abort.signal.reason, [], []], String(share))
  }
  await Packed.thaw(at('packed'), at(name))
  const region = Region.open(at(name))
  assert.is(region.map('root', t.u32, t.string).size, 20 * ENTRIES)
  region.close()
  const before = Packed.thaw(at('packed'), at('never'), { signal: AbortSignal.abort('before') })
  assert.is(await before.catch((error: unknown) => error), 'before')
})

test('what throws in onProgress undoes the drop', () => {
  const region = Region.open(at('live'))
  const stop = new Error('enough')
  assert.throws(() => region.transact(() => region.dropMap('pairs', {
    onProgress: () => { throw stop },
  })), (error: unknown) => error === stop)
  assert.is(region.multimap('pairs', t.u32, t.u32).size, ENTRIES)
  region.close()
})

test.run()
