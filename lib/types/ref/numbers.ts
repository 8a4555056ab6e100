/**
 * In copies and comparisons a ref is the number that it is, whatever it names: what it names may be
 * a text or a number, from which no ref could be told.
 */
let depth = 0

/** Whether fields that are refs read as numbers now. */
export const refsAreNumbers = (): boolean => depth !== 0

/** Runs `fn`, in which they do. It calls nothing that is a user's. */
export function withRefsAsNumbers<R>(fn: () => R): R {
  depth++
  try {
    return fn()
  } finally {
    depth--
  }
}

/** For the end of a turn, when nothing runs: the engine may have stopped `fn` behind our back. */
export function endNumbers(): void {
  depth = 0
}
