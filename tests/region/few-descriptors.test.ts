/** A process that has no descriptors left: whatever it opens, the error is ours. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Child } from '../harness/child.js'
import { verifyFile, withRegion } from '../harness/with-region.js'

const test = suite('few descriptors')

interface Thrown { name: string; left: number; code: string; message: string }

test('what cannot open a file for want of descriptors throws RSTORE_NO_MEMORY', withRegion(
  async (place) => {
    const limited = ['sh', '-c', 'ulimit -n 200; exec "$@"', 'sh']
    const child = new Child<Thrown>(
      'dist/tests/region/few-descriptors-child.js', [place.folder], {}, limited)
    const thrown = await child.finish()
    assert.equal(thrown.filter(({ code }) => code !== 'RSTORE_NO_MEMORY'), [])
    const names = new Set(thrown.map(({ name }) => name))
    assert.ok(names.size >= 18, [...names].join())
    for (const { message } of thrown) {
      assert.match(message, /: the system gave no .*descriptor.*EMFILE.* raise the limits/)
    }
    await verifyFile(place.path())
  }))

test.run()
