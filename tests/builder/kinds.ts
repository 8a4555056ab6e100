/** Element types of every size, and numbers as their elements. */
import { StructType } from '../../lib/types/struct/struct.js'
import { simpleTypes as t } from '../../lib/types/descriptor.js'
import type { AnyType } from '../../lib/types/type.js'

export interface Kind {
  name: string
  type: AnyType
  /** Element number `i`. */
  element(i: number): unknown
  /** The same as it is read back. */
  plain(value: any): unknown
}

const small = new StructType('Small', [['a', t.u8], ['b', t.u16], ['c', t.bool]])
const wide = new StructType('Wide', [['at', t.f64], ['n', t.u32], ['big', t.u64]])

const number = (name: 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64', most: number) =>
  ({ name, type: t[name], element: (i: number) => i % most, plain: (value: unknown) => value })

const bigint = (name: 'u64' | 'i64') =>
  ({ name, type: t[name], element: (i: number) => BigInt(i) << 20n, plain: (v: unknown) => v })

export const KINDS: readonly Kind[] = [
  number('u8', 251), number('i8', 127), number('u16', 65_521), number('i16', 32_749),
  number('u32', 2 ** 31), number('i32', 2 ** 31), number('f32', 2 ** 20), number('f64', 2 ** 40),
  bigint('u64'), bigint('i64'),
  { name: 'bool', type: t.bool, element: (i) => i % 3 === 0, plain: (value) => value },
  {
    name: 'date', type: t.date,
    element: (i) => new Date(i * 1000), plain: (value) => new Date(value),
  },
  {
    name: 'struct of 6 bytes', type: small,
    element: (i) => ({ a: i % 256, b: i % 65_536, c: i % 2 === 0 }),
    plain: ({ a, b, c }) => ({ a, b, c }),
  },
  {
    name: 'struct of 24 bytes', type: wide,
    element: (i) => ({ at: i / 4, n: i, big: BigInt(i) }),
    plain: ({ at, n, big }) => ({ at, n, big }),
  },
]

/** The numbers that native producers make too. */
export const NUMBERS = KINDS.slice(0, 10)
