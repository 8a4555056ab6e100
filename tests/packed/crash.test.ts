/** Packing that is killed, or fails, at each of its file operations: the whole file or none. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { Place } from '../harness/with-region.js'
import { Atlas } from './shapes.js'

const test = suite('packing cut off')
const OPERATION_LIMIT = 60

async function packUnder(path: string, plan: string): Promise<boolean> {
  const child = new Child<{ packed: boolean }>('dist/tests/packed/packing-child.js', [path], {
    RSTORE_TEST_ADDON: 'rstore_test.node', RSTORE_TEST_IO: plan,
  })
  const done = await child.next()
  await child.ended
  return done?.packed === true
}

async function isWholeOrNone(path: string): Promise<void> {
  if (!existsSync(path)) return
  assert.equal((await Packed.verify(path)).problems, [])
  const packed = Packed.load(path, { root: Atlas })
  assert.is(packed.root.cities.size, 300)
  packed.close()
}

for (const [what, plan] of [
  ['killed', (n: number) => `kill@${n}`],
  ['torn by a machine crash', (n: number) => `tear:seed=${n}@${n}`],
  ['failing', (n: number) => `fail:EIO@${n}`],
  ['full', (n: number) => `fail:ENOSPC@${n}+`],
] as const) {
  test(`${what} at every operation`, async () => {
    const place = new Place()
    const path = place.path('atlas')
    let operation = 1
    for (; operation < OPERATION_LIMIT; operation++) {
      const finished = await packUnder(path, plan(operation))
      await isWholeOrNone(path)
      if (what === 'failing' || what === 'full') {
        const left = readdirSync(place.folder).filter((name) => name.endsWith('.tmp'))
        if (what === 'failing' && !finished) {
          assert.ok(left.length <= 1, 'at most what could not be removed')
        }
      }
      for (const name of readdirSync(place.folder)) rmSync(place.path(name))
      if (finished) break
    }
    assert.ok(operation > 4 && operation < OPERATION_LIMIT, `${operation} operations`)
  })
}

test.run()
