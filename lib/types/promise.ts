/**
 * Throws where a callback that has to be synchronous returned a promise. Nobody waits for what that
 * comes to: a rejection, as of a change behind its first `await`, must not end the process.
 */
export function refusePromise(result: unknown, message: string): void {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return
  Promise.resolve(result).catch(() => {})
  throw new TypeError(message)
}
