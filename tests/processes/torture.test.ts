/** Half a minute of what `npm run torture` does for longer. */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { temporaryDirectory } from '../harness/temporary.js'
import { printedSeed } from './random.js'
import { torture } from './torturing.js'

const test = suite('torture')

test('four writers, six readers, killed at random', async () => {
  const result = await torture({
    path: join(temporaryDirectory(), 'a.region'),
    seconds: 30,
    seed: printedSeed(),
    writers: 4,
    readers: 6,
  })
  console.log(result)
  assert.ok(result.kills > 5 && result.commits > 50 && result.reads > 5)
})

test.run()
