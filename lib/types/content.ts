/** Types whose values are so many bytes in a cell of their own, and name no other cell. */
import { C } from '../../formats/index.js'
import type { Ref } from '../space/ref.js'
import { CONTENT_OFFSET, createContent, resizeContent } from './boxes.js'
import type { Session } from './context.js'
import { BoxedType } from './type.js'

type ContentTypeId = typeof C.TYPE_STRING | typeof C.TYPE_BYTES | typeof C.TYPE_JSON

/** Cells are written from the bytes that `prepare` gives, unless a type has another way. */
export abstract class ContentType extends BoxedType {
  abstract override readonly fixedTypeId: ContentTypeId

  createCell(session: Session, value: unknown): Ref {
    const bytes = value as Uint8Array
    return fill(session, createContent(session, this.fixedTypeId, bytes.length), bytes)
  }

  assignCell(session: Session, ref: number, value: unknown): Ref {
    const bytes = value as Uint8Array
    return fill(session, resizeContent(session, ref, this.fixedTypeId, bytes.length), bytes)
  }

  freeCell(session: Session, ref: number): void {
    session.space.free(ref as Ref)
  }

  override visitCell(): void {}

  override cellBytes(session: Session, ref: number): number {
    return session.space.windowOf(ref).u32[((ref & 0x0fff_ffff) << 1) + 2]! + 4
  }
}

function fill(session: Session, ref: Ref, bytes: Uint8Array): Ref {
  session.space.windowOf(ref).u8.set(bytes, ((ref & 0x0fff_ffff) << 3) + CONTENT_OFFSET)
  return ref
}
