/** What a shared vector says of itself. */
import {
  C, VectorDescriptor, VectorHeader, VectorMarker, VectorWords, crc32c,
} from '../../formats/index.js'
import { FieldReader } from './fields.js'
import type { RegionImage } from './region.js'

export interface InspectedVector {
  /** Type of the elements. */
  type: string
  elementBytes: number
  capacityElements: number
  /** Elements now: whoever has it open may be changing it. */
  size: number
  /** Elements that the last completed flush covered, and when that was. */
  flushedSize: number
  flushedMs: number
}

const INDEX_MASK = (1n << BigInt(C.VECTOR_INDEX_BITS)) - 1n

const pageAddress = (page: number): number => page * C.PAGE_BYTES

/** Elements, as the current descriptor says. */
function readSize(image: RegionImage): number {
  const page = image.pages.readRaw(pageAddress(C.VECTOR_WORDS_PAGE), C.PAGE_BYTES)
  const index = Number(new FieldReader(VectorWords, page).u64('descriptor') & INDEX_MASK)
  if (index >> 1 >= C.VECTOR_SLOT_COUNT) {
    image.problems.add('vector', `descriptor ${index} does not exist`, C.VECTOR_WORDS_PAGE)
    return 0
  }
  const address = pageAddress(C.VECTOR_FIRST_SLOT_PAGE) + index * VectorDescriptor.bytes
  const bytes = image.pages.readRaw(address, VectorDescriptor.bytes)
  return new FieldReader(VectorDescriptor, bytes).number('size')
}

export function inspectVector(image: RegionImage): InspectedVector {
  const bytes = image.pages.readRaw(pageAddress(C.VECTOR_HEADER_PAGE), C.PAGE_BYTES)
  const header = new FieldReader(VectorHeader, bytes)
  const wrong = (message: string) => image.problems.add('vector', message, C.VECTOR_HEADER_PAGE)
  if (header.u32('magic') !== C.VECTOR_MAGIC) wrong('the header is none')
  else if (header.u32('checksum') !== crc32c(0, header.before('checksum'))) {
    wrong('the checksum of the header is wrong')
  }
  const marker = new FieldReader(VectorMarker,
    image.pages.readRaw(pageAddress(C.VECTOR_MARKER_PAGE), C.PAGE_BYTES))
  const type = Buffer.from(header.raw('type')).subarray(0, header.u32('typeBytes'))
  const size = readSize(image)
  const capacityElements = header.number('capacityElements')
  if (size > capacityElements) wrong(`${size} elements, with room for ${capacityElements}`)
  return {
    type: type.toString('utf8'),
    elementBytes: header.u32('elementBytes'),
    capacityElements,
    size,
    flushedSize: marker.number('flushedSize'),
    flushedMs: marker.number('flushedMs'),
  }
}
