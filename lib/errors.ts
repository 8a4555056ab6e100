/**
 * What goes wrong in operation: an error with a stable code. Misuse of an argument is a plain
 * TypeError or RangeError.
 */

export type ErrorCode = `RSTORE_${string}`

export class RStoreError extends Error {
  override readonly name = 'RStoreError'

  /**
   * @param code stable, listed in the README with what to do about it
   * @param message what is wrong, where, and what to do
   * @param facts region, ref, expected, actual …: for programs
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly facts: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
  }
}
