/** Refs, and the one place where they become indexes. */

declare const target: unique symbol

/**
 * A 32-bit offset in units of 8 bytes; 0 is no ref. Held as an unsigned number: use `>>> 0` after
 * any shift or mask.
 */
export type Ref<T = unknown> = number & { readonly [target]?: T; readonly __ref: T }

/** Index of the window that a ref is in. */
export const windowIndexOf = (ref: number): number => ref >>> 28
/** Index of a ref's first byte in its window's `u8`. */
export const byteIndexOf = (ref: number): number => (ref & 0x0fff_ffff) << 3
/** Index of a ref's first word in its window's `u32`. */
export const wordIndexOf = (ref: number): number => (ref & 0x0fff_ffff) << 1
/** The ref of the first byte of a page. */
export const refOfPage = (page: number): Ref => ((page << 9) >>> 0) as Ref
