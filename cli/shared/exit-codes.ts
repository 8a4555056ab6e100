/** What the process ends with: one table, for the code, `--help` and the README. */
import type { ErrorCode, RStoreError } from '../../lib/index.js'

export const EXIT = Object.freeze({
  ok: 0, damage: 1, usage: 2, cannotOpen: 3, busy: 4, defect: 70,
})

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_MEANINGS: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [EXIT.ok, 'good'],
  [EXIT.damage, 'damage found'],
  [EXIT.usage, 'usage: what was asked for makes no sense, or is not there'],
  [EXIT.cannotOpen, 'cannot open, read or write a file'],
  [EXIT.busy, 'busy: another process holds the write lock'],
  [EXIT.defect, 'a defect of rstore itself'],
]

/** What the library's errors end in; those that are not listed: `cannotOpen`. */
const EXIT_OF_CODE: Readonly<Record<ErrorCode, ExitCode>> = {
  RSTORE_BUSY: EXIT.busy,
  RSTORE_CORRUPT: EXIT.damage,
  RSTORE_DANGLING_REF: EXIT.damage,
  RSTORE_UNFLUSHED: EXIT.damage,
  RSTORE_CYCLE: EXIT.usage,
  RSTORE_EXISTS: EXIT.usage,
  RSTORE_FOREIGN_REF: EXIT.usage,
  RSTORE_INDEX_NOT_DECLARED: EXIT.usage,
  RSTORE_KEY_TOO_LONG: EXIT.usage,
  RSTORE_OLD_RECORD: EXIT.usage,
  RSTORE_PARSE: EXIT.usage,
  RSTORE_TYPE_MISMATCH: EXIT.usage,
  RSTORE_UNIQUE: EXIT.usage,
  RSTORE_UNSORTED: EXIT.usage,
  RSTORE_UNSUPPORTED: EXIT.usage,
  RSTORE_WRONG_KIND: EXIT.usage,
}

/** A name that is not in a region is another thing than a file that is not there. */
export function exitCodeOfError({ code, facts }: Pick<RStoreError, 'code' | 'facts'>): ExitCode {
  if (code === 'RSTORE_NOT_FOUND') return 'name' in facts ? EXIT.usage : EXIT.cannotOpen
  return EXIT_OF_CODE[code] ?? EXIT.cannotOpen
}
