/** How far work on another thread is, told from time to time. */

const PROGRESS_MS = 100

export type OnProgress = (done: number, total: number) => void

/**
 * Calls `tell`, if there is one, until the work is done, and then once more. What it throws is
 * thrown at once, and nothing is told any more; the work goes on by itself.
 */
export async function whileTelling<R>(
  tell: (() => void) | undefined, work: Promise<R>,
): Promise<R> {
  if (tell === undefined) return work
  let timer: NodeJS.Timeout | undefined
  const stopped = new Promise<never>((_resolve, reject) => {
    timer = setInterval(() => {
      try {
        tell()
      } catch (error) {
        clearInterval(timer)
        reject(error as Error)
      }
    }, PROGRESS_MS)
  })
  try {
    const result = await Promise.race([work, stopped])
    tell()
    return result
  } finally {
    clearInterval(timer)
  }
}
