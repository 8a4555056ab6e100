/** Vectors whose elements one thread replaces while another reads. */
import { C } from '../../formats/index.js'

/** Among them what empty cells hold. */
const REPLACED = {
  f64: [0, -0, NaN, 1.5, -2.5],
  f32: [0, -0, NaN, 1.5, -2.5],
  i32: [0, 7, -7, Number(C.VECTOR_VACANT & 0xffff_ffffn)],
  u64: [0n, 7n, 2n ** 63n, C.VECTOR_VACANT],
  u8: [0, 7, 255, Number(C.VECTOR_VACANT & 0xffn)],
} as const

export type Replaced = keyof typeof REPLACED

/** One of the two elements that may be at an index. */
export function replacedAt(element: Replaced, index: number, which: number): unknown {
  const all = REPLACED[element]
  return all[(index + which) % all.length]
}
