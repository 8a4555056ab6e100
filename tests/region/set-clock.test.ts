/** The time of day is set while something waits or takes turns: it is not what they go by. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Store } from '../../lib/index.js'
import { inTurns } from '../../lib/region/base/turns.js'
import { StoreFiles } from '../../lib/store/files.js'
import { StoreLocks } from '../../lib/store/locks.js'
import type { OpenStore } from '../../lib/store/opening.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { packLink } from '../store/shapes.js'

const test = suite('set clocks')
const HOUR_MS = 3_600_000
const LONG_MS = 200

/** `Date.now` is `clock` until it is over. */
async function withClock<R>(clock: () => number, work: () => R | Promise<R>): Promise<R> {
  const { now } = Date
  Date.now = clock
  try {
    return await work()
  } finally {
    Date.now = now
  }
}

/** One that somebody sets back whenever it is looked at. */
const goingBack = (): (() => number) => {
  let time = Date.now()
  return () => time -= HOUR_MS
}

const goingOn = (): (() => number) => {
  let time = Date.now()
  return () => time += HOUR_MS
}

const withStore = (work: (dir: string, store: Store) => Promise<void>) => async () => {
  const dir = temporaryDirectory()
  const store = Store.open(dir, { create: true })
  await work(dir, store)
  store.close()
}

test('long work lets other work run where the clock is set back', async () => {
  let others = 0
  const other = setInterval(() => { others++ }, 1)
  const end = performance.now() + LONG_MS
  function* steps(): Generator<number, void> {
    while (performance.now() < end) yield 0
  }
  await withClock(goingBack(), () => inTurns(steps(), 1, {}))
  clearInterval(other)
  assert.ok(others > 0)
})

test('a store waits for a lock where the clock is set forward', withStore(async (dir) => {
  const locks = new StoreLocks(new StoreFiles(dir), false)
  let tries = 0
  locks.tryShared = () => ++tries > 3
  await withClock(goingOn(), () => locks.share(0, 'it is in use'))
  assert.is(tries, 4)
  locks.close()
}))

test('a packed region that a field named is loaded anew after an hour, whatever the clock says',
  withStore(async (_dir, store) => {
    const page = packLink(store, null, 'page')
    const { packed } = (store as unknown as { parts: OpenStore }).parts
    const id = store.idOf(page)
    const { now } = performance
    const first = packed.shared(id)
    try {
      await withClock(goingBack(), () => assert.is(packed.shared(id), first))
      performance.now = () => now.call(performance) + HOUR_MS
      await withClock(goingBack(), () => assert.is.not(packed.shared(id), first))
    } finally {
      performance.now = now
    }
    page.close()
  }))

test.run()
