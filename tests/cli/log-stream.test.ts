import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LogStream } from '../../cli/read/log-stream.js'
import { C } from '../../formats/index.js'

const test = suite('positions in the log')

const HEADER = 64
const SEGMENT = C.SEGMENT_BYTES

/** One byte after the other: what `advance` does at once. */
function step(position: number, bytes: number): number {
  let at = position
  for (let i = 0; i < bytes; i++) at = LogStream.skipHeader(at + 1)
  return at
}

const nearSegmentEnds = fc.tuple(fc.nat(3), fc.integer({ min: -200, max: 200 }))
  .map(([segment, offset]) => LogStream.skipHeader(Math.max(0, (segment + 1) * SEGMENT + offset)))

test('headers of segments are skipped', () => {
  fc.assert(fc.property(nearSegmentEnds, fc.nat(500), (position, bytes) =>
    LogStream.advance(position, bytes) === step(position, bytes)))
  assert.is(LogStream.advance(HEADER, SEGMENT - HEADER), SEGMENT + HEADER)
  assert.is(LogStream.advance(HEADER, 10 * (SEGMENT - HEADER) + 8), 10 * SEGMENT + HEADER + 8)
})

test('the header of a record is never split', () => {
  fc.assert(fc.property(nearSegmentEnds, (position) => {
    const start = LogStream.recordStart(position, 96)
    return start % SEGMENT >= HEADER && start % SEGMENT + 96 <= SEGMENT
      && (start === position || SEGMENT - position % SEGMENT < 96)
  }))
})

test.run()
