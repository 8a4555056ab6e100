/** A child whose flush takes a while, and says when that has begun: flushing-child.js PATH */
import { SharedVector, t } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { say } from '../harness/child.js'
import { until } from '../harness/until.js'

interface TestIo {
  start(plan: string): void
  state(): { slowSyncs: number }
}

const { testIo } = addon() as unknown as { testIo: TestIo }
const vector = SharedVector.open(process.argv[2]!, t.u32)
vector.push(1)
testIo.start('slow:ms=1000@s1')
const flushed = vector.flush()
await until('a sync is slow', () => testIo.state().slowSyncs > 0)
say({ flushing: true })
await flushed
vector.close()
