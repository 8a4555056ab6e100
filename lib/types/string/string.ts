/** Text, as UTF-8 in a cell of its own. An empty string needs no cell. */
import { C } from '../../../formats/index.js'
import type { Ref } from '../../space/ref.js'
import type { Window } from '../../space/window.js'
import {
  CONTENT_OFFSET, createContent, resizeContent, windowOfContent,
} from '../boxes.js'
import { ContentType } from '../content.js'
import type { Lease, Session } from '../context.js'
import { TextKey, type KeyCodec } from '../keys.js'
import { checkText, readText, textBytes, writeCellText } from '../text.js'

export class StringType extends ContentType {
  readonly kind = 'string'
  override readonly fixedTypeId = C.TYPE_STRING
  override readonly key = new TextKey() as KeyCodec<unknown>

  describe(): string {
    return 'string'
  }
  prepare(value: unknown, where: string): unknown {
    checkText(value, where)
    return value
  }
  empty(): unknown {
    return ''
  }
  override writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    if (value !== '' || window.u32[at >>> 2] !== 0) super.writeSlot(session, window, at, value)
  }

  override createCell(session: Session, value: unknown): Ref {
    const bytes = textBytes(value as string)
    const ref = createContent(session, C.TYPE_STRING, bytes)
    const at = ((ref & 0x0fff_ffff) << 3) + CONTENT_OFFSET
    writeCellText(session.space.windowOf(ref), at, value as string, bytes)
    return ref
  }
  readCell(lease: Lease, ref: number): unknown {
    const window = windowOfContent(lease, ref, C.TYPE_STRING, 'a string')
    const at = (ref & 0x0fff_ffff) << 3
    return readText(window.u8, at + CONTENT_OFFSET, window.u32[(at >>> 2) + 2]!)
  }
  override assignCell(session: Session, ref: number, value: unknown): Ref {
    const bytes = textBytes(value as string)
    const to = resizeContent(session, ref, C.TYPE_STRING, bytes)
    const at = ((to & 0x0fff_ffff) << 3) + CONTENT_OFFSET
    writeCellText(session.space.windowOf(to), at, value as string, bytes)
    return to
  }
  override same(a: unknown, b: unknown): boolean {
    return a === b
  }
}
