/**
 * Code that the engine stops, by a `timeout` of node:vm or, what is the same to it, by Ctrl+C in
 * the REPL, runs no `finally`. A handle whose transaction was stopped took all later ones for
 * savepoints of it: they returned, were seen by itself, and were never committed, while everybody
 * else waited for its write lock until its process ended.
 */
import { once } from 'node:events'
import { createContext, runInContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Region, type RMap } from '../../lib/index.js'
import { nextTurn, thrown, withRegion } from '../harness/with-region.js'

const test = suite('stopped')

/** Runs a loop without an end, with these names, for some milliseconds. */
function stopped(code: string, names: object, timeout = 20): void {
  try {
    runInContext(code, createContext({ ...names }), { timeout })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return
    throw error
  }
  throw new Error('the code came to an end by itself')
}

const counts = (region: Region): RMap<number, number> => region.map('counts', t.u32, t.u32)

test(
  'a transaction is rolled back, and its handle closed, when the turn ends',
  withRegion(async (place) => {
    const region = place.create()
    const map = counts(region)
    region.transact(() => map.set(1, 1))
    const warned = once(process, 'warning') as Promise<[Error]>
    stopped('region.transact(() => { for (;;) map.set(1, 2) })', { region, map })
    region.transact(() => map.set(2, 2))
    const [warning] = await warned
    assert.is(warning.name, 'RStoreWarning')
    assert.match(warning.message, /was stopped.*rolled back.*handle was closed/)
    const late = [
      () => map.get(1), () => region.transact(() => map.set(3, 3)), () => region.snapshot(),
    ]
    for (const use of late) {
      assert.match(thrown('RSTORE_CLOSED', use).message, /because a transaction was stopped/)
    }
    const again = place.open({ timeoutMs: 0 })
    again.transact(() => counts(again).set(4, 4))
    assert.equal([...counts(again).entries()], [[1, 1], [4, 4]])
  }),
)

test(
  'read() shows the newest commit behind one that was stopped',
  withRegion(async (place) => {
    const writer = place.create()
    writer.transact(() => counts(writer).set(1, 1))
    const region = place.openReadOnly()
    const map = region.map('counts', t.u32, t.u32)
    stopped('region.read(() => { for (;;) map.get(1) })', { region, map })
    await nextTurn()
    assert.is(map.get(1), 1)
    writer.transact(() => counts(writer).set(1, 2))
    assert.is(region.read(() => map.get(1)), 2)
  }),
)

const ENDLESS = [
  'for (let i = 0; ; i++) region.transact(() => map.set(i % 999, i))',
  'for (;;) region.transact(() => { for (const [k, v] of map.entries()) map.set(k + 1, v) })',
  `region.transact(() => {
    for (let i = 0; ; i++) {
      try {
        region.transact(() => { map.delete(i % 99); if (i % 3 === 0) throw i })
      } catch {}
    }
  })`,
  'for (;;) { for (const key of map.keys()) map.get(key); region.snapshot().close() }',
]

test(
  'wherever it is stopped, the file is whole, and has what was committed',
  withRegion(async (place) => {
    const ignore = (): void => {}
    process.on('warning', ignore)
    let region = place.create()
    for (let round = 0; round < 60; round++) {
      const map = counts(region)
      region.transact(() => map.set(1e6 + round, round))
      stopped(ENDLESS[round % ENDLESS.length]!, { region, map }, 1 + round % 6)
      await nextTurn()
      try {
        map.has(1)
      } catch {
        region = place.open()
      }
      for (let each = 0; each <= round; each++) {
        assert.ok(counts(region).has(1e6 + each), `of round ${each}, after round ${round}`)
      }
    }
    process.off('warning', ignore)
  }),
)

test.run()
