/** The stored description of an index: a cell of JSON. */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { byteIndexOf } from '../space/ref.js'
import type { Ref } from '../space/ref.js'
import { CONTENT_OFFSET, createContent, windowOfContent } from '../types/boxes.js'
import type { Session } from '../types/context.js'
import { readText, textBytes, writeText } from '../types/text.js'
import type { Entry } from './directory.js'
import { throwMismatch } from '../types/registry.js'
import type { IndexShape } from './secondary-index.js'

export function throwDamaged(session: Session, { name, auxiliary }: Entry, cause: unknown): never {
  session.leave()
  const [map, index] = name.split('\0').map((part) => JSON.stringify(part))
  throw new RStoreError(
    'RSTORE_CORRUPT',
    `the stored description of index ${index} of map ${map} is damaged`
      + ` (${(cause as Error).message}): run verify()`,
    { ref: auxiliary },
  )
}

function isShape(value: unknown): value is IndexShape {
  const { by, unique } = Object(value) as Partial<IndexShape>
  const isFields = Array.isArray(by) && by.every((field) => typeof field === 'string')
  return (by === null || isFields) && typeof unique === 'boolean'
}

/** The stored description of an index. */
export function shapeOf(session: Session, entry: Entry): IndexShape {
  const window = windowOfContent(
    session.lease,
    entry.auxiliary,
    C.TYPE_DESCRIPTOR,
    'an index descriptor',
  )
  const at = byteIndexOf(entry.auxiliary)
  try {
    const shape: unknown = JSON.parse(
      readText(window.u8, at + CONTENT_OFFSET, window.u32[(at >>> 2) + 2]!),
    )
    if (isShape(shape)) return shape
  } catch (cause) {
    throwDamaged(session, entry, cause)
  }
  return throwDamaged(session, entry, new Error('it says neither fields nor none'))
}

/** Throws RSTORE_TYPE_MISMATCH. */
export function checkShape(name: string, stored: IndexShape, declared: IndexShape): void {
  const [is, wanted] = [JSON.stringify(stored), JSON.stringify(declared)]
  if (is === wanted) return
  throwMismatch(`index ${JSON.stringify(name)}`,
    { path: name, how: `is stored as ${is}, but declared as ${wanted}` })
}

export function storeShape(session: Session, shape: IndexShape): Ref {
  const text = JSON.stringify(shape)
  const bytes = textBytes(text)
  const ref = createContent(session, C.TYPE_DESCRIPTOR, bytes)
  writeText(
    session.space.windowOf(ref).u8,
    byteIndexOf(ref) + CONTENT_OFFSET,
    text,
    bytes,
  )
  return ref
}
