/**
 * Bytes in a cell of their own. Reading gives a copy up to 4 KiB; larger ones where they are, where
 * that is possible.
 */
import { C } from '../../../formats/index.js'
import type { Ref } from '../../space/ref.js'
import type { Window } from '../../space/window.js'
import { CONTENT_OFFSET, windowOfContent } from '../boxes.js'
import { ContentType } from '../content.js'
import type { Lease, Session } from '../context.js'
import { BytesKey, type KeyCodec } from '../keys.js'
import { isBytes } from '../realms.js'
import { show } from '../text.js'

/** Up to here arrays and bytes are always copied out. */
export const COPY_LIMIT_BYTES = 4096

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Up to here the engine has elements inside of the array object, and no buffer unless asked. */
const IN_OBJECT_BYTES = 64

/** Whether a typed array may say another length than it has: its class, or it itself. */
function isDisguised(array: ArrayBufferView, prototype: object): boolean {
  const own: unknown = Object.getPrototypeOf(array)
  return (own !== prototype && own !== Buffer.prototype) || !ArrayBuffer.isView(array)
    || Object.hasOwn(array, 'length')
}

/**
 * Whether a typed array that is to be stored has to be copied first: it may be read in place, and
 * what is written before it may be its very memory. Or it is not what it says.
 */
export function mustCopy(
  array: ArrayBufferView, prototype: object, session: Session | null,
): boolean {
  return isDisguised(array, prototype) || (session !== null && session.isLending
    && (array.byteLength <= IN_OBJECT_BYTES || session.isLent(array.buffer)))
}

export class BytesType extends ContentType {
  readonly kind = 'bytes'
  override readonly fixedTypeId = C.TYPE_BYTES
  override readonly key = new BytesKey() as KeyCodec<unknown>

  describe(): string {
    return 'bytes'
  }
  prepare(value: unknown, where: string, session: Session | null): unknown {
    if (isBytes(value)) {
      return mustCopy(value, Uint8Array.prototype, session) ? new Uint8Array(value) : value
    }
    throw new TypeError(`${where}: expected a Uint8Array, got ${show(value)}`)
  }
  empty(): unknown {
    return new Uint8Array(0)
  }
  override writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    if ((value as Uint8Array).length === 0 && window.u32[at >>> 2] === 0) return
    super.writeSlot(session, window, at, value)
  }

  readCell(lease: Lease, ref: number): unknown {
    const window = windowOfContent(lease, ref, C.TYPE_BYTES, 'bytes')
    const at = ((ref & 0x0fff_ffff) << 3) + CONTENT_OFFSET
    const bytes = window.u32[(at >>> 2) - 1]!
    if (bytes > COPY_LIMIT_BYTES) {
      const buffer = lease.session.externalView(ref as Ref, CONTENT_OFFSET, bytes)
      if (buffer !== null) return new Uint8Array(buffer)
    }
    return window.u8.slice(at, at + bytes)
  }
  /** Not by slice(): that of a Buffer does not copy. */
  override plain(value: unknown): unknown {
    return new Uint8Array(value as Uint8Array)
  }
  override same(a: unknown, b: unknown): boolean {
    return isBytes(a) && isBytes(b) && sameBytes(a, b)
  }
}
