import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, alignmentOf, layout } from '../../formats/index.js'
import { allLayouts } from '../../formats/generate.js'
import { u32, u64, zeros } from '../../formats/layout.js'

const test = suite('layouts')

test('a gap, an overlap, a misaligned field and a wrong total are refused', () => {
  const declare = (size: number, ...offsets: [number, number]) => () =>
    layout('Wrong', size, '', { first: u32(offsets[0], ''), second: u64(offsets[1], '') })
  assert.throws(declare(16, 0, 8), /second is declared at 8, but the field before it ends at 4/)
  assert.throws(declare(16, 0, 0), /Wrong.second is declared at 0/)
  assert.throws(declare(12, 0, 4), /Wrong.second at 4 is not aligned/)
  assert.throws(() => layout('Wrong', 16, '', { only: u64(0, '') }), /fields end at 8/)
  assert.throws(() => layout('Wrong', 12, '', { only: u64(0, ''), rest: zeros(8, 4) }),
    /not a multiple of 8/)
})

test('every layout covers each of its bytes once, aligned', () => {
  for (const { name, bytes, fields } of allLayouts) {
    const owners = new Uint8Array(bytes)
    for (const [field, value] of Object.entries(fields)) {
      assert.is(value.offset % alignmentOf(value), 0, `${name}.${field}`)
      for (let i = 0; i < value.bytes; i++) owners[value.offset + i]!++
    }
    assert.ok(owners.every((count) => count === 1), name)
  }
})

test('sizes that other layouts and the code divide by', () => {
  const expected = {
    Identity: C.PAGE_BYTES, CheckpointSlot: 128, AllocationState: C.PAGE_BYTES, CellHeader: 8,
    FreeCell: C.MINIMUM_CELL_UNITS * C.UNIT_BYTES, CatalogEntry: 32, NodeHeader: 32, Slot: 8,
    SpilledKey: 8, SegmentHeader: C.LINE_BYTES, RedoRecord: 96, PageEntry: 16,
    LockHeader: C.PAGE_BYTES, SharedWords: C.PAGE_BYTES, ReaderSlot: C.LINE_BYTES,
    SegmentEntry: 24, ControlBlock: 256,
  }
  const sizes = new Map(allLayouts.map(({ name, bytes }) => [name, bytes]))
  for (const [name, bytes] of Object.entries(expected)) assert.is(sizes.get(name), bytes, name)
})

test('the magic numbers spell what they say', () => {
  const text = (value: bigint) => Buffer.from(BigUint64Array.of(value).buffer).toString('latin1')
  assert.is(text(C.REGION_MAGIC), 'REGION\x1a\n')
  assert.is(text(C.LOCK_MAGIC), 'RSLOCK\x1a\n')
  assert.is(text(BigInt(C.SLOT_MAGIC)).slice(0, 4), 'CKPT')
  assert.is(text(BigInt(C.SEGMENT_MAGIC)).slice(0, 4), 'RLOG')
  assert.is(text(BigInt(C.RECORD_MAGIC)).slice(0, 4), 'REDO')
})

test.run()
