/**
 * Numbers of up to 8 bytes that JavaScript has as numbers. One class each, so that every access has
 * one shape.
 */
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import { DoubleKey, integerKey, refuseKey, type KeyCodec } from '../keys.js'
import { show } from '../text.js'
import { AnyType, type Core } from '../type.js'

export type NumberKind = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64'

/** Which numbers each kind holds exactly, f32 and f64 apart. */
export const INTEGER_LIMITS = {
  u8: [0, 0xff], i8: [-0x80, 0x7f], u16: [0, 0xffff], i16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff], i32: [-0x8000_0000, 0x7fff_ffff],
} as const

/** Kinds that every value of a kind can be read as. */
const WIDER: Readonly<Record<NumberKind, readonly string[]>> = {
  u8: ['u16', 'i16', 'u32', 'i32', 'f32', 'f64', 'u64', 'i64'],
  i8: ['i16', 'i32', 'f32', 'f64', 'i64'],
  u16: ['u32', 'i32', 'f32', 'f64', 'u64', 'i64'],
  i16: ['i32', 'f32', 'f64', 'i64'],
  u32: ['f64', 'u64', 'i64'],
  i32: ['f64', 'i64'],
  f32: ['f64'],
  f64: [],
}

/** Whether numbers of one kind may be read as another without loss. */
export const widens = (from: string, to: string): boolean =>
  (WIDER[from as NumberKind] as readonly string[] | undefined)?.includes(to) ?? false

export abstract class NumberType extends AnyType {
  override readonly inLeaf = true
  override readonly slotBytes: number
  override readonly slotAlign: number

  constructor(override readonly kind: NumberKind, bytes: number) {
    super()
    this.slotBytes = bytes
    this.slotAlign = bytes
  }

  describe(): string {
    return this.kind
  }
}

function integerType(
  kind: keyof typeof INTEGER_LIMITS, bytes: number,
  read: (window: Window, at: number) => number,
  write: (window: Window, at: number, value: number) => void,
): NumberType {
  const [low, high] = INTEGER_LIMITS[kind]
  return new (class extends NumberType {
    override readonly key = integerKey(kind, low, high) as KeyCodec<unknown>

    prepare(value: unknown, where: string): unknown {
      if (typeof value !== 'number') {
        throw new TypeError(`${where}: expected a number (${kind}), got ${show(value)}`)
      }
      if (!(value >= low && value <= high) || value % 1 !== 0) {
        throw new RangeError(
          `${where}: ${value} is not a ${kind}, a whole number from ${low} to ${high}`,
        )
      }
      return value
    }
    readSlot(core: Core, at: number): unknown {
      return read(core.window, at)
    }
    writeSlot(_session: Session, window: Window, at: number, value: unknown): void {
      write(window, at, value as number)
    }
    override writeLeaf(_session: Session, window: Window, at: number, value: unknown): void {
      window.i32[at >>> 2] = value as number
    }
    override same(a: unknown, b: unknown): boolean {
      return a === b
    }
  })(kind, bytes)
}

function floatKey(kind: string): KeyCodec<unknown> {
  return new DoubleKey<number>((value, where) => {
    if (typeof value !== 'number' || value !== value) refuseKey(where, `a ${kind}, not NaN`, value)
    return kind === 'f32' ? Math.fround(value) : value
  }, (double) => double) as KeyCodec<unknown>
}

function floatType(
  kind: 'f32' | 'f64', bytes: number,
  read: (window: Window, at: number) => number,
  write: (window: Window, at: number, value: number) => void,
): NumberType {
  return new (class extends NumberType {
    override readonly key = floatKey(kind)

    prepare(value: unknown, where: string): unknown {
      if (typeof value === 'number') return value
      throw new TypeError(`${where}: expected a number (${kind}), got ${show(value)}`)
    }
    readSlot(core: Core, at: number): unknown {
      return read(core.window, at)
    }
    writeSlot(_session: Session, window: Window, at: number, value: unknown): void {
      write(window, at, value as number)
    }
    override same(a: unknown, b: unknown): boolean {
      return kind === 'f32' && typeof a === 'number' && typeof b === 'number'
        ? Object.is(Math.fround(a), Math.fround(b))
        : Object.is(a, b)
    }
  })(kind, bytes)
}

export const numbers: Readonly<Record<NumberKind, NumberType>> = {
  u8: integerType(
    'u8',
    1,
    (w, at) => w.u8[at]!,
    (w, at, value) => {
      w.u8[at] = value
    },
  ),
  i8: integerType(
    'i8',
    1,
    (w, at) => w.i8[at]!,
    (w, at, value) => {
      w.i8[at] = value
    },
  ),
  u16: integerType(
    'u16',
    2,
    (w, at) => w.u16[at >>> 1]!,
    (w, at, value) => {
      w.u16[at >>> 1] = value
    },
  ),
  i16: integerType(
    'i16',
    2,
    (w, at) => w.i16[at >>> 1]!,
    (w, at, value) => {
      w.i16[at >>> 1] = value
    },
  ),
  u32: integerType(
    'u32',
    4,
    (w, at) => w.u32[at >>> 2]!,
    (w, at, value) => {
      w.u32[at >>> 2] = value
    },
  ),
  i32: integerType(
    'i32',
    4,
    (w, at) => w.i32[at >>> 2]!,
    (w, at, value) => {
      w.i32[at >>> 2] = value
    },
  ),
  f32: floatType(
    'f32',
    4,
    (w, at) => w.f32[at >>> 2]!,
    (w, at, value) => {
      w.f32[at >>> 2] = value
    },
  ),
  f64: floatType(
    'f64',
    8,
    (w, at) => w.f64[at >>> 3]!,
    (w, at, value) => {
      w.f64[at >>> 3] = value
    },
  ),
}
