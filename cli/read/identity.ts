/** Page 0 of a region file, and whether it is one. */
import { C, Identity, crc32c } from '../../formats/index.js'
import { CannotOpen } from '../shared/errors.js'
import { FieldReader } from './fields.js'
import type { ByteFile } from './file.js'
import type { Problems } from './problems.js'

export interface RegionIdentity {
  formatVersion: number
  kind: 'live' | 'packed' | 'shared' | 'unknown'
  uuid: string
  generation: bigint
  capacityBytes: number
  checksumPageCount: number
  firstDataPage: number
  rootRef: number
  rootType: number
  /** Packed regions: end of the data in units. */
  endUnits: number
  createdMs: number
}

/** The file is no region, or one that this program does not know: nothing of it can be shown. */
export class NotReadable extends CannotOpen {}

const KINDS = new Map<number, RegionIdentity['kind']>([
  [C.KIND_LIVE, 'live'], [C.KIND_PACKED, 'packed'], [C.KIND_SHARED, 'shared'],
])

const WHERE = 'identity'

/** What the capacity says about the places of things: so that a damaged page 0 does no harm. */
function placesFor(capacityBytes: number) {
  const checksumPageCount = Math.ceil(capacityBytes / C.PAGE_BYTES * 4 / C.PAGE_BYTES)
  return { checksumPageCount, firstDataPage: C.CHECKSUM_PAGE + checksumPageCount }
}

function checkFields(page: FieldReader<typeof Identity.fields>, problems: Problems): void {
  const wrong = (message: string) => problems.add(WHERE, message, C.IDENTITY_PAGE)
  if (page.u32('checksum') !== crc32c(0, page.before('checksum'))) {
    wrong('the checksum is wrong: what is shown of it may be, too')
  }
  for (const name of page.wrongPaddings()) wrong(`${name} is not zero`)
  const capacity = page.number('capacityBytes')
  const sound = capacity >= C.MINIMUM_CAPACITY_BYTES && capacity <= C.MAXIMUM_CAPACITY_BYTES
  if (!sound) wrong(`a capacity of ${capacity} bytes is not possible`)
  const { checksumPageCount, firstDataPage } = placesFor(capacity)
  if (page.u32('pageBytes') !== C.PAGE_BYTES) {
    wrong(`pages of ${page.u32('pageBytes')} bytes are not possible`)
  }
  if (page.u32('kind') !== C.KIND_SHARED && sound && (
    page.u32('checksumPageCount') !== checksumPageCount
    || page.u32('firstDataPage') !== firstDataPage)) {
    wrong('the first data page does not follow from the capacity')
  }
}

/** Throws NotReadable when there is nothing to go on with; other damage goes to `problems`. */
export function readIdentity(file: ByteFile, problems: Problems): RegionIdentity {
  const page = new FieldReader(Identity, file.read(0, C.PAGE_BYTES))
  if (page.u64('magic') !== C.REGION_MAGIC) throw new NotReadable(`${file.path}: not a region file`)
  const formatVersion = page.u32('formatVersion')
  if (formatVersion > C.FORMAT_VERSION) {
    throw new NotReadable(`${file.path}: format version ${formatVersion} is newer than this `
      + `program, which knows ${C.FORMAT_VERSION}: use a newer rstore`)
  }
  if (file.length < C.PAGE_BYTES) {
    problems.add(WHERE, `the file ends after ${file.length} bytes, in its first page`)
  }
  checkFields(page, problems)
  const capacityBytes = Math.min(page.number('capacityBytes'), Number(C.MAXIMUM_CAPACITY_BYTES))
  return {
    formatVersion,
    kind: KINDS.get(page.u32('kind')) ?? 'unknown',
    uuid: page.hex('uuid'),
    generation: page.u64('generation'),
    capacityBytes,
    ...placesFor(capacityBytes),
    rootRef: page.u32('rootRef'),
    rootType: page.u32('rootType'),
    endUnits: page.number('endUnits'),
    createdMs: page.number('createdMs'),
  }
}
