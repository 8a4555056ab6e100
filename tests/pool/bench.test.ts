/** The benchmark of block regions, tiny. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { comparePool } from '../bench/pool.js'

const test = suite('pool: benchmark')

test('both contenders build the same graphs', () => {
  const [ours, theirs] = comparePool({ graphs: 60, records: 20, retained: 10, heapMiB: 1 })
  assert.equal([ours!.name, theirs!.name], ['block regions', 'objects'])
  assert.is(ours!.sum, theirs!.sum)
  assert.ok(ours!.ms > 0 && theirs!.ms > 0)
})

test.run()
