/**
 * How the fields of a record are written, all of them one after the other: a function for each. The
 * frequent kinds have one literal each, which the engine optimises for the one typed array that it
 * writes, as it does getters (view.ts). What a write does is the same as the type's own
 * `writeSlot`.
 */
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import type { AnyType } from '../type.js'
import type { FieldLayout } from './layout.js'
import { writeOptional } from './view.js'

/** Writes a prepared value into its field of the struct at byte `at`, whose bytes are marked. */
export type Writer = (session: Session, window: Window, at: number, value: unknown) => void

const WRITERS: Readonly<Record<string, (offset: number, type: AnyType) => Writer>> = {
  u8: (offset) => (_session, window, at, value) => {
    window.u8[at + offset] = value as number
  },
  u16: (offset) => (_session, window, at, value) => {
    window.u16[(at + offset) >>> 1] = value as number
  },
  u32: (offset) => (_session, window, at, value) => {
    window.u32[(at + offset) >>> 2] = value as number
  },
  i32: (offset) => (_session, window, at, value) => {
    window.i32[(at + offset) >>> 2] = value as number
  },
  f64: (offset) => (_session, window, at, value) => {
    window.f64[(at + offset) >>> 3] = value as number
  },
  string: (offset, type) => (session, window, at, value) => {
    type.writeSlot(session, window, at + offset, value)
  },
}

const anyWriter = ({ offset, slot }: FieldLayout): Writer => (session, window, at, value) => {
  slot.writeSlot(session, window, at + offset, value)
}

export function writerOf(field: FieldLayout): Writer {
  if (field.presenceByte >= 0) {
    return (session, window, at, value) => writeOptional(session, window, at, field, value)
  }
  return WRITERS[field.slot.kind]?.(field.offset, field.slot) ?? anyWriter(field)
}
