/** The benchmark of snapshots in many processes, small, so that it never rots. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lineOf, measurePacked } from './packed.js'

const test = suite('bench: packed')

test('two processes, two megabytes', async () => {
  const figures = await measurePacked(['packed', 'json'], 2, 2)
  for (const each of figures) {
    assert.ok(each.bothMs > 0 && each.fileMib >= 2, lineOf(each))
  }
  assert.ok(figures[0]!.extraMib < 30, lineOf(figures[0]!))
})

test.run()
