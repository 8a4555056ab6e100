/**
 * Moves the frontier of a closed region far on, so that a test reaches addresses that it could not
 * fill: what lies between becomes live cells of bytes that nobody names, and the file stays sparse.
 * Everything by the layouts of formats/.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import {
  AllocationState,
  C,
  CheckpointSlot,
  Identity,
  pageChecksum,
  crc32c,
} from '../../formats/index.js'

const WINDOW_UNITS = Number(C.WINDOW_BYTES) / C.UNIT_BYTES
/** No cell is as large as a window: its size has 28 bits. */
const LARGEST_CELL_UNITS = WINDOW_UNITS / 2

class RegionEditor {
  constructor(private readonly fd: number) {}

  read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    readSync(this.fd, bytes, 0, length, at)
    return bytes
  }

  write(at: number, bytes: Uint8Array): void {
    writeSync(this.fd, bytes, 0, bytes.length, at)
  }

  /** Changes part of a page, and its checksum in the table. */
  editPage(page: number, edit: (bytes: Buffer) => void): void {
    const bytes = this.read(page * C.PAGE_BYTES, C.PAGE_BYTES)
    edit(bytes)
    this.write(page * C.PAGE_BYTES, bytes)
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32LE(pageChecksum(bytes))
    this.write(C.CHECKSUM_PAGE * C.PAGE_BYTES + page * 4, checksum)
  }

  lengthen(bytes: number): void {
    if (fstatSync(this.fd).size < bytes) ftruncateSync(this.fd, bytes)
  }

  /** A cell of bytes, all zero, whose header is all that is written of it. */
  putCell(ref: number, units: number, flags: number): void {
    const at = ref * C.UNIT_BYTES
    this.editPage(Math.floor(at / C.PAGE_BYTES), (bytes) => {
      const offset = at % C.PAGE_BYTES
      bytes.writeUInt32LE((units | flags) >>> 0, offset)
      bytes.writeUInt32LE(C.TYPE_BYTES, offset + 4)
    })
  }

  setEnd(endUnits: number): void {
    for (const page of [C.FIRST_SLOT_PAGE, C.FIRST_SLOT_PAGE + 1]) {
      const slot = this.read(page * C.PAGE_BYTES, CheckpointSlot.bytes)
      const { fields } = CheckpointSlot
      if (slot.readUInt32LE(fields.clean.offset) !== 1) throw new Error('the region was not closed')
      slot.writeBigUInt64LE(BigInt(endUnits), fields.endUnits.offset)
      slot.writeUInt32LE(
        crc32c(0, slot.subarray(0, fields.checksum.offset)),
        fields.checksum.offset,
      )
      this.write(page * C.PAGE_BYTES, slot)
    }
  }
}

/** @param toBytes where the next cell from the frontier is to lie, or a little behind it */
export function jumpFrontier(path: string, toBytes: number): void {
  const fd = openSync(path, 'r+')
  try {
    const editor = new RegionEditor(fd)
    const capacity = editor.read(Identity.fields.capacityBytes.offset, 8).readBigUInt64LE()
    const to = toBytes / C.UNIT_BYTES
    if (toBytes > Number(capacity) - C.SINK_BYTES) throw new RangeError('beyond the capacity')
    const { fields } = AllocationState
    const state = editor.read(C.ALLOCATION_PAGE * C.PAGE_BYTES, AllocationState.bytes)
    const from = state.readUInt32LE(fields.frontierUnits.offset)
    if (to < from + C.MINIMUM_CELL_UNITS) throw new RangeError('the frontier is there already')
    editor.lengthen(Math.ceil(toBytes / C.PAGE_BYTES) * C.PAGE_BYTES)
    let flags = state.readUInt32LE(fields.lastFree.offset) === 0 ? 0 : C.CELL_PREVIOUS_FREE
    for (let at = from; at < to; flags = 0) {
      const windowEnd = (Math.floor(at / WINDOW_UNITS) + 1) * WINDOW_UNITS
      let units = Math.min(to, windowEnd) - at
      if (units > LARGEST_CELL_UNITS) units = LARGEST_CELL_UNITS - C.MINIMUM_CELL_UNITS
      editor.putCell(at, units, flags)
      at += units
    }
    editor.editPage(C.ALLOCATION_PAGE, (bytes) => {
      const add = to - from
      bytes.writeUInt32LE(to, fields.frontierUnits.offset)
      bytes.writeUInt32LE(
        bytes.readUInt32LE(fields.allocatedUnits.offset) + add,
        fields.allocatedUnits.offset,
      )
      bytes.writeUInt32LE(0, fields.lastFree.offset)
    })
    editor.setEnd(to)
  } finally {
    closeSync(fd)
  }
}
