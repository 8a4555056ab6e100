/** The benchmark of block regions, tiny. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { comparePool } from '../bench/pool.js'

const test = suite('pool: benchmark')

test('both contenders build the same graphs', () => {
  const results = comparePool({ graphs: 60, records: 20, retained: 10, heapMiB: 1 }, 1)
  assert.equal(results.slice(0, 3).map(({ name }) => name),
    ['block regions', 'block regions, one object', 'objects'])
  assert.is(new Set(results.map(({ sum }) => sum)).size, 1)
  for (const { ms } of results) assert.ok(ms > 0)
})

test.run()
