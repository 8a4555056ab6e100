/**
 * Refs, and how they become indexes. What is done for every cell that is read or allocated does the
 * same with shifts of its own, in the loop.
 */
import { C } from '../../formats/index.js'

declare const target: unique symbol

/**
 * A 32-bit offset in units of 8 bytes; 0 is no ref. Held as an unsigned number: use `>>> 0` after
 * any shift or mask.
 */
export type Ref<T = unknown> = number & { readonly [target]?: T; readonly __ref: T }

/** Units of a page. */
export const PAGE_UNITS = C.PAGE_BYTES / C.UNIT_BYTES
/**
 * Units of a window, C.WINDOW_BYTES. Written out: computed from that it would be a float to the
 * engine, and with it every ref that is computed from it.
 */
export const WINDOW_UNITS = 0x1000_0000
/** The bits of a ref that say where in its window it is. */
export const WINDOW_MASK = 0x0fff_ffff

/** Index of the window that a ref is in. */
export const windowIndexOf = (ref: number): number => ref >>> 28
/** Index of a ref's first byte in its window's `u8`. */
export const byteIndexOf = (ref: number): number => (ref & WINDOW_MASK) << 3
/** Index of a ref's first word in its window's `u32`. */
export const wordIndexOf = (ref: number): number => (ref & WINDOW_MASK) << 1
/** The ref of the first byte of a page. */
export const refOfPage = (page: number): Ref => (page * PAGE_UNITS) as Ref
/** The page that a ref, or the end of something, is in. */
export const pageOf = (ref: number): number => Math.floor(ref / PAGE_UNITS)
