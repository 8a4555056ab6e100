/** The two checkpoint slots, and the one that counts. */
import { C, CheckpointSlot, crc32c } from '../../formats/index.js'
import { refOfPage } from './cells.js'
import { FieldReader } from './fields.js'
import type { ByteFile } from './file.js'
import type { RegionIdentity } from './identity.js'
import type { Problems } from './problems.js'

export interface Slot {
  /** 0 or 1. */
  index: number
  clean: boolean
  sequence: bigint
  epoch: bigint
  endUnits: number
  logPosition: number
  logSalt: bigint
  logChecksum: number
  durableTailEpoch: bigint
  writtenMs: number
}

function readSlot(
  file: ByteFile, identity: RegionIdentity, index: number, problems: Problems,
): Slot | undefined {
  const page = C.FIRST_SLOT_PAGE + index
  const fields = new FieldReader(CheckpointSlot, file.read(page * C.PAGE_BYTES, C.PAGE_BYTES))
  const wrong = (message: string): undefined => {
    problems.add(`slot ${index}`, message, page)
  }
  if (fields.u32('magic') !== C.SLOT_MAGIC) return wrong('is not a checkpoint slot')
  if (fields.u32('checksum') !== crc32c(0, fields.before('checksum'))) {
    return wrong('the checksum is wrong')
  }
  if (fields.u64('generation') !== identity.generation) return wrong('is of another generation')
  const endUnits = fields.number('endUnits')
  const first = refOfPage(identity.firstDataPage)
  if (endUnits < first || endUnits * C.UNIT_BYTES > identity.capacityBytes) {
    return wrong('the end of the data is not possible')
  }
  for (const name of fields.wrongPaddings()) wrong(`${name} is not zero`)
  return {
    index,
    clean: fields.u32('clean') === 1,
    sequence: fields.u64('sequence'),
    epoch: fields.u64('epoch'),
    endUnits,
    logPosition: fields.number('logPosition'),
    logSalt: fields.u64('logSalt'),
    logChecksum: fields.u32('logChecksum'),
    durableTailEpoch: fields.u64('durableTailEpoch'),
    writtenMs: fields.number('writtenMs'),
  }
}

/** The valid slot with the higher sequence; undefined when neither is valid. */
export function readSlots(
  file: ByteFile, identity: RegionIdentity, problems: Problems,
): { current: Slot | undefined; valid: number } {
  const slots = [0, 1]
    .map((index) => readSlot(file, identity, index, problems))
    .filter((slot) => slot !== undefined)
    .sort((a, b) => Number(b.sequence - a.sequence))
  return { current: slots[0], valid: slots.length }
}
