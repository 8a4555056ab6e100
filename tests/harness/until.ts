/** Waiting for what others do. */

/** The next turn of the event loop. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until it is so; throws when it is not after ten seconds. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !isSo(); await wait(10)) {
    if (Date.now() > deadline) throw new Error(`${what}: not after ten seconds`)
  }
}
