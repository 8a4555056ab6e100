/**
 * Records on their way into a space, without an object for each: the fields of a value are read
 * once, checked, and put into an *image* of the record, its texts into buffers beside it, already
 * as UTF-8. Then the image is copied into the cell, and each text into a cell of its own.
 *
 *  I1. There is one image for the thread. Reading a value may run code of the user (getters), and
 *      that may make another image; so each has a serial, and only the last one made can be stored.
 *  I2. What is not as expected (other names or another order, a view, a value that cannot be
 *      stored, texts that are many or long) has no image. Nothing has changed yet: whoever asks
 *      goes the long way, by `prepare`, which knows all cases and what is wrong. Lists and maps are
 *      prepared when the rest is known to be as expected: what can be iterated once must be once.
 *  I3. Behind the length of a text in its buffer, the bytes up to the next multiple of 4 are zero.
 *  I4. The image has no refs to cells that the record owns. Where a record is overwritten, those
 *      that it keeps are put into the image first.
 *  I5. Whether an image is stored is not known while it is made. So refs have none while there are
 *      arrays fresh from a builder: to write the ref of one decides that it lives on.
 */
import { C } from '../../../formats/index.js'
import type { Ref } from '../../space/ref.js'
import { Window } from '../../space/window.js'
import { CONTENT_OFFSET, createContent, resizeContent } from '../boxes.js'
import type { Session } from '../context.js'
import type { DefaultType } from '../default/default.js'
import { copyText, encodeText, TEXT_LIMIT } from '../text.js'
import type { AnyType } from '../type.js'
import type { TupleType } from '../tuple/tuple.js'
import type { FieldLayout } from './layout.js'
import type { StructType } from './struct.js'
import { coreOfView } from './view.js'

/** What a step does with the value of its field. */
const enum Kind { u8, u16, u32, i32, f64, text, struct, boxed, shared, other, converted }

const KINDS: Readonly<Record<string, Kind>> = {
  u8: Kind.u8, u16: Kind.u16, u32: Kind.u32, i32: Kind.i32, f64: Kind.f64, string: Kind.text,
}

/** One field. */
export interface Step {
  readonly name: string
  readonly kind: Kind
  readonly type: AnyType
  readonly label: string
  /** Bytes from the start of the struct. */
  readonly offset: number
  readonly presenceByte: number
  readonly presenceMask: number
  /** Whether it may be undefined. */
  readonly omissible: boolean
  /** Stands for undefined. */
  readonly fallback: unknown
  /** Of an inline struct. */
  readonly inner: readonly Step[] | undefined
  /** Of a value that is another one before it is stored. */
  readonly conversion: Conversion | undefined
}

interface Conversion {
  /** Throws, as `prepare` does, on what cannot be stored. */
  by(given: unknown): unknown
  /** For what that gives. */
  readonly step: Step
}

const IMAGE_BYTES = 1024

const image = new Window(new ArrayBuffer(IMAGE_BYTES))
/** Wraps around: whoever asks about a serial does so before there could be as many. */
let serial = 1
/** For each text its slot in the image and its bytes, or one of the two below. */
const textSlots = new Int32Array(TEXT_LIMIT)
const textBytes = new Int32Array(TEXT_LIMIT)
let textCount = 0
/** Undefined: nothing is stored. */
const NO_TEXT = -1
/** An empty string, which needs no cell. */
const EMPTY_TEXT = -2
/** Fields that are boxed and not texts, and their values, prepared at last; so many there are. */
let boxedCount = 0
const boxedSteps: Step[] = []
const boxedSlots: number[] = []
const boxedValues: unknown[] = []

function kindOf(slot: AnyType, presenceByte: number): Kind | undefined {
  const { kind } = slot
  if (kind === 'struct') return presenceByte < 0 ? Kind.struct : undefined
  if (!slot.owns) return KINDS[kind] ?? (hasRefs(slot) ? Kind.shared : Kind.other)
  if (!slot.nullable) return undefined
  const text = kind === 'string' || (kind === 'optional' && innerOf(slot).kind === 'string')
  return text ? Kind.text : Kind.boxed
}

const innerOf = (type: AnyType): AnyType => (type as unknown as { inner: AnyType }).inner

/** Whether a slot that owns nothing may have refs in it. */
function hasRefs(slot: AnyType): boolean {
  switch (slot.kind) {
    case 'ref': return true
    case 'optional': return hasRefs(innerOf(slot))
    case 'tuple': return (slot as TupleType).elements.some(hasRefs)
    case 'struct': return (slot as StructType).fields.some(([, type]) => hasRefs(type))
    default: return false
  }
}

/**
 * The steps of a struct; undefined when it has fields that no image can hold, or is too large.
 */
export function stepsOf(
  fields: readonly FieldLayout[],
  labels: readonly string[],
  innerSteps: (type: AnyType) => readonly Step[] | undefined,
): readonly Step[] | undefined {
  const steps: Step[] = []
  for (const [i, { name, type, slot, offset, presenceByte, presenceMask }] of fields.entries()) {
    const kind = kindOf(slot, presenceByte)
    const inner = kind === Kind.struct ? innerSteps(slot) : undefined
    if (kind === undefined || (kind === Kind.struct && inner === undefined)) return undefined
    if (offset + slot.slotBytes > IMAGE_BYTES - 64) return undefined
    const fallback = type.kind === 'default' ? (type as DefaultType).value : undefined
    const omissible = fallback !== undefined || type.kind === 'optional'
    steps.push({
      name, kind, type: slot, label: labels[i]!, offset, presenceByte, presenceMask, omissible,
      fallback, inner, conversion: undefined,
    })
  }
  return steps
}

const NOTHING = {
  prepare: (value: unknown): unknown => value,
  writeSlot: (): void => {},
} as unknown as AnyType

/** For a field that a value has and the struct has not: it is passed over. */
export const unstoredStep = (name: string): Step => ({
  name, kind: Kind.other, type: NOTHING, label: '', offset: 0, presenceByte: -1, presenceMask: 0,
  omissible: false, fallback: undefined, inner: undefined, conversion: undefined,
})

/** An inline struct whose fields are these. */
export const innerStep = (step: Step, inner: readonly Step[]): Step => ({ ...step, inner })

/**
 * For a field that a value has in another form: `by` makes of it what the type prepares. Not called
 * for numbers and texts that an image takes as they are: in any other form they have none.
 */
export function convertedStep(step: Step, by: Conversion['by']): Step {
  if (step.kind < Kind.boxed || step.kind === Kind.converted) return step
  return {
    ...step, kind: Kind.converted, presenceByte: -1, fallback: undefined,
    conversion: { by, step },
  }
}

/** Makes the image of a value. False when it has none: I2. */
export function makeImage(
  steps: readonly Step[], bytes: number, value: object, session: Session,
): boolean {
  return fillImage(steps, bytes, value, session)
    && (boxedCount === 0 || prepareBoxed(steps, bytes, value, session))
}

function fillImage(
  steps: readonly Step[], bytes: number, value: object, session: Session,
): boolean {
  const own = serial = (serial & 0x3fff_ffff) + 1
  const { u32 } = image
  for (let word = bytes + 3 >>> 2; word > 0;) u32[--word] = 0
  textCount = 0
  boxedCount = 0
  return fill(steps, value, 0, session) && own === serial
}

/** I1: user code that is iterated over may make other images; then this one is filled again. */
function prepareBoxed(
  steps: readonly Step[], bytes: number, value: object, session: Session,
): boolean {
  const prepared: unknown[] = []
  for (let own = serial; prepared.length < boxedCount; own = serial) {
    const i = prepared.length
    const { type, label } = boxedSteps[i]!
    prepared.push(type.prepare(boxedValues[i], label, session))
    if (own !== serial && !fillImage(steps, bytes, value, session)) return false
  }
  for (let i = 0; i < boxedCount; i++) boxedValues[i] = prepared[i]
  return true
}

/** Fields that a literal names in the order of the type, some of them left out. */
function fill(steps: readonly Step[], value: object, base: number, session: Session): boolean {
  if (coreOfView(value) !== undefined) return false
  const count = steps.length
  let i = 0
  for (const name in value) {
    if (i === count) return false
    let step = steps[i++]!
    while (step.name !== name) {
      if (i === count || !leaveOut(step, value, base, session)) return false
      step = steps[i++]!
    }
    if (!put(step, (value as Record<string, unknown>)[name], base, session)) return false
  }
  while (i < count) if (!leaveOut(steps[i++]!, value, base, session)) return false
  return true
}

const leaveOut = (step: Step, value: object, base: number, session: Session): boolean =>
  step.omissible && !(step.name in value) && put(step, undefined, base, session)

function put(step: Step, given: unknown, base: number, session: Session): boolean {
  let value = given
  if (value === undefined) {
    if (!step.omissible) return false
    if (step.fallback === undefined) return putNothing(step, base, session)
    value = step.fallback
  }
  if (step.presenceByte >= 0) image.u8[base + step.presenceByte]! |= step.presenceMask
  const at = base + step.offset
  switch (step.kind) {
    case Kind.u8:
      if (typeof value !== 'number' || (value & 0xff) !== value) return false
      image.u8[at] = value
      return true
    case Kind.u16:
      if (typeof value !== 'number' || (value & 0xffff) !== value) return false
      image.u16[at >>> 1] = value
      return true
    case Kind.u32:
      if (typeof value !== 'number' || value >>> 0 !== value) return false
      image.u32[at >>> 2] = value
      return true
    case Kind.i32:
      if (typeof value !== 'number' || (value | 0) !== value) return false
      image.i32[at >>> 2] = value
      return true
    case Kind.f64:
      if (typeof value !== 'number') return false
      image.f64[at >>> 3] = value
      return true
    case Kind.text:
      return putText(step, value, at)
    case Kind.struct:
      return typeof value === 'object' && value !== null
        && fill(step.inner!, value, at, session)
    case Kind.boxed:
      return noteBoxed(step, at, value)
    case Kind.shared:
      return session.unadopted.size === 0 && putOther(step, value, at, session)
    case Kind.other:
      return putOther(step, value, at, session)
    case Kind.converted:
      return put(step.conversion!.step, step.conversion!.by(value), base, session)
  }
}

function putOther(step: Step, value: unknown, at: number, session: Session): boolean {
  step.type.writeSlot(session, image, at, step.type.prepare(value, step.label, session))
  return true
}

/** Undefined, and the image has zeros there. */
function putNothing(step: Step, base: number, session: Session): boolean {
  const at = base + step.offset
  if (step.kind === Kind.text) return noteText(at, NO_TEXT)
  if (step.kind === Kind.boxed) noteBoxed(step, at, undefined)
  if (step.kind === Kind.converted) return put(step.conversion!.step, undefined, base, session)
  return true
}

function noteBoxed(step: Step, at: number, value: unknown): boolean {
  boxedSteps[boxedCount] = step
  boxedSlots[boxedCount] = at
  boxedValues[boxedCount++] = value
  return true
}

function putText(step: Step, value: unknown, at: number): boolean {
  if (typeof value !== 'string' || textCount === TEXT_LIMIT) return false
  if (value === '' && step.type.kind === 'string') return noteText(at, EMPTY_TEXT)
  const bytes = encodeText(value, textCount)
  return bytes >= 0 && noteText(at, bytes)
}

function noteText(at: number, bytes: number): boolean {
  if (textCount === TEXT_LIMIT) return false
  textSlots[textCount] = at
  textBytes[textCount++] = bytes
  return true
}

// ───────── storing ─────────

/** Stores the last image in a new cell of a type. */
export function createFromImage(session: Session, bytes: number, typeId: number): Ref {
  const ref = session.space.allocate(bytes, typeId)
  const window = session.space.windowOf(ref)
  const at = ((ref & 0x0fff_ffff) << 1) + 2
  copyImage(window, at, bytes)
  for (let i = 0; i < textCount; i++) {
    if (textBytes[i]! >= 0) window.u32[at + (textSlots[i]! >>> 2)] = createText(session, i)
  }
  if (boxedCount !== 0) writeBoxed(session, window, at << 2)
  return ref
}

/** Stores the last image in a cell that has a record of the same type. */
export function assignImage(session: Session, ref: Ref, bytes: number): void {
  session.space.mark(ref + 1, bytes)
  const window = session.space.windowOf(ref)
  const at = ((ref & 0x0fff_ffff) << 1) + 2
  for (let i = 0; i < textCount; i++) {
    const word = textSlots[i]! >>> 2
    image.u32[word] = assignText(session, window.u32[at + word]!, i)
  }
  for (let i = 0; i < boxedCount; i++) {
    const word = boxedSlots[i]! >>> 2
    image.u32[word] = window.u32[at + word]!
  }
  copyImage(window, at, bytes)
  if (boxedCount !== 0) writeBoxed(session, window, at << 2)
}

function copyImage({ u32: target }: Window, at: number, bytes: number): void {
  const { u32 } = image
  const words = bytes + 3 >>> 2
  for (let i = 0; i < words; i++) target[at + i] = u32[i]!
}

/** The values are let go of: the lists are there for longer than they need be. */
function writeBoxed(session: Session, window: Window, at: number): void {
  for (let i = 0; i < boxedCount; i++) {
    const value = boxedValues[i]
    boxedValues[i] = undefined
    boxedSteps[i]!.type.writeSlot(session, window, at + boxedSlots[i]!, value)
  }
}

function createText(session: Session, index: number): Ref {
  const bytes = textBytes[index]!
  const ref = createContent(session, C.TYPE_STRING, bytes)
  copyText(session.space.windowOf(ref), contentWord(ref), index, bytes)
  return ref
}

/** What a slot gets that has `old`. */
function assignText(session: Session, old: number, index: number): number {
  const bytes = textBytes[index]!
  if (old === 0) return bytes < 0 ? 0 : createText(session, index)
  if (bytes === NO_TEXT) {
    session.space.free(old as Ref)
    return 0
  }
  const to = resizeContent(session, old, C.TYPE_STRING, Math.max(bytes, 0))
  copyText(session.space.windowOf(to), contentWord(to), index, bytes)
  return to
}

const contentWord = (ref: number): number => ((ref & 0x0fff_ffff) << 1) + (CONTENT_OFFSET >>> 2)
