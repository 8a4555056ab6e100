/** What goes wrong with builders. */
import { getSystemErrorName } from 'node:util'
import { RStoreError } from '../errors.js'
import type { EndingReason } from '../types/context.js'

export type ConsumedReason = 'finished' | 'discarded' | EndingReason

const WHAT: Readonly<Record<ConsumedReason, string>> = {
  finished: 'it was finished',
  discarded: 'it was discarded',
  ended: 'the transaction that it was opened in is over',
  sealed: 'the block region was sealed',
}

export const consumedError = (reason: ConsumedReason): RStoreError =>
  new RStoreError('RSTORE_BUILDER_CONSUMED',
    `this array builder cannot be used any more: ${WHAT[reason]}. Open another one`, { reason })

/** @param count elements pushed, the one that did not fit included */
export const overflowError = (
  capacity: number, count: number, facts: Record<string, unknown> = {},
): RStoreError =>
  new RStoreError('RSTORE_BUILDER_OVERFLOW',
    `${count} elements were pushed to an array builder with a capacity of ${capacity}. Nothing of `
    + 'it was stored. Give a larger capacity, or none', { capacity, count, ...facts })

export interface ParsePlace { line: number; column: number; offset: number }

export const parseError = (
  what: string, place: ParsePlace, facts: Record<string, unknown> = {},
): RStoreError =>
  new RStoreError('RSTORE_PARSE',
    `line ${place.line}, column ${place.column}: ${what}. What came before it was pushed`,
    { line: place.line, column: place.column, offset: place.offset, ...facts })

export const readError = (errno: number, fd: number): RStoreError =>
  new RStoreError('RSTORE_IO',
    `reading from descriptor ${fd} failed (${getSystemErrorName(-errno)}). What came before it was `
    + 'pushed', { fd, errno: getSystemErrorName(-errno) })
