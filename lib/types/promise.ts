import { types } from 'node:util'

/**
 * Throws where a callback that has to be synchronous returned a promise. Nobody waits for what that
 * comes to: a rejection, as of a change behind its first `await`, must not end the process. Other
 * objects with a `then` are left alone: some begin their work when it is called.
 */
export function refusePromise(result: unknown, message: string): void {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return
  if (types.isPromise(result)) result.catch(() => {})
  throw new TypeError(message)
}
