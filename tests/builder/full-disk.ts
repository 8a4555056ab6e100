/** A process with a limit on the length of files builds too large an array: see region.test.ts. */
import * as assert from 'uvu/assert'
import { Region, t } from '../../lib/index.js'

const region = Region.create(process.argv[2]!, { capacity: '1GiB', durability: 'none' })
const values = region.value('values', t.array(t.f64))

const build = (count: number, options: { capacity?: number }): void =>
  region.transact(() => values.set(region.buildArray(t.f64, options, (b) => {
    for (let i = 0; i < count; i++) b.push(i)
  })))

for (const options of [{}, { capacity: 5_000_000 }]) {
  build(1000, {})
  assert.throws(() => build(4_000_000, options), (error: any) => error.code === 'RSTORE_NO_SPACE')
  assert.is(values.get()!.length, 1000)
  build(2000, {})
  assert.is(values.get()![1999], 1999)
  assert.equal((await region.verify()).problems, [])
}
region.close()
