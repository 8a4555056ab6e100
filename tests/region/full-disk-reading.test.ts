/** Readers on a disk that others fill up: right answers or errors, never the end of a process. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Child } from '../harness/child.js'
import { withSmallDisk } from '../harness/small-disk.js'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('reading on a full disk')

interface Seen {
  filled: { count: number; codes: string[] }[]
  right: Record<string, number>
  refused: string[]
}

const folder = temporaryDirectory()
/** Where nobody may have a disk of his own, the seam alone says that one is full. */
const through = withSmallDisk(folder, 8)
const FULL = 'RSTORE_NO_SPACE'

async function readWhileFilling(plan: string): Promise<void> {
  const child = plan === ''
    ? new Child<Seen>('dist/tests/region/full-disk-reader.js', [folder, plan], {}, through!)
    : new Child<Seen>('dist/tests/region/full-disk-reader.js', [temporaryDirectory(), plan],
      { RSTORE_TEST_ADDON: 'rstore_test.node' })
  const [seen] = (await child.finish()) as [Seen]
  const [first, second] = seen.filled as [Seen['filled'][0], Seen['filled'][0]]
  assert.equal(first.codes, [FULL, FULL, FULL])
  assert.equal(second.codes, [FULL, FULL, FULL])
  assert.ok(second.count > first.count, 'on it goes when there is room')
  assert.equal(seen.refused, [], 'nobody needs room to read')
  for (const [way, times] of Object.entries(seen.right)) {
    assert.ok(times >= 8, `${way} was right ${times} times`)
  }
}

test('while another process fills it, and is told so', () =>
  readWhileFilling(through === null ? 'fail:ENOSPC@300+' : ''))

test('the same through the seam, whether or not there may be a disk', () =>
  readWhileFilling('fail:ENOSPC@300+'))

test('pages that nobody has touched yet, and that have no room on the disk', async () => {
  const child = new Child<any>('dist/tests/region/full-disk-holes.js',
    through === null ? [temporaryDirectory()] : [folder, 'fill'], {}, through ?? [])
  const [seen] = (await child.finish()) as [any]
  const right = ['0 wrong', '0 wrong']
  assert.ok(seen.hasHoles)
  assert.equal(seen.full, through === null ? right : [FULL, FULL])
  assert.equal(seen.withRoom, right, 'and when there is room, they are as they were')
})

test.run()
