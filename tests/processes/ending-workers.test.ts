/**
 * Workers that are terminated, exit or throw while they use the library. Whatever they are doing,
 * the process lives, no transaction is there in part, and nothing of theirs stays behind. From the
 * instant on at which a thread is being ended, Node-API refuses most calls; node-addon-api made of
 * that the end of the process, wherever in the library it came.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Child } from '../harness/child.js'
import { verifyFile, withRegion } from '../harness/with-region.js'

const test = suite('ending workers')

const WORKERS = 15

interface Report {
  /** Transactions that are there in part, or that were acknowledged and are not. */
  wrong: string[]
  slots: number
  slowestMs: number
}

const kinds = [
  'load', 'write', 'flush', 'checkpoint', 'verify', 'backup', 'epochs', 'open', 'packed', 'pool',
  'vectorOpen', 'vectorWait', 'vectorFlush',
]
for (const kind of kinds) {
  test(
    `${WORKERS} workers that end in the midst of: ${kind}`,
    withRegion(async (place) => {
      const args = [place.folder, kind, String(WORKERS)]
      const child = new Child<Report>('dist/tests/processes/ending-child.js', args)
      const [report, ...others] = await child.finish()
      assert.equal(others, [])
      assert.is(report!.slots, 1, 'a slot of a thread that is gone')
      assert.ok(report!.slowestMs < 2000, `${report!.slowestMs} ms until others could go on`)
      assert.equal(report!.wrong, [])
      await verifyFile(place.path())
    }),
  )
}

test.run()
