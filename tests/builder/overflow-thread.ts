/** A thread that overflows builders in native producers, again and again: see region.test.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { createBuilder } from '../../lib/builder/builder.js'
import { simpleTypes as t } from '../../lib/types/descriptor.js'
import { TestSession } from './session.js'

const text = Buffer.from(Array.from({ length: 1000 }, (_, i) => i).join(','))
const session = TestSession.over({ capacityBytes: 2 ** 20 })
const counts: number[] = []
for (let round = 0; round < 200; round++) {
  const capacity = (workerData as number) + round
  const builder = createBuilder(session, t.u16, { capacity, io: true })
  try {
    builder.parseNumbers(text)
  } catch (error: any) {
    counts.push(error.facts.count)
  }
  builder.discard()
}
parentPort!.postMessage(counts)
