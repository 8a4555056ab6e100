/** How far work on another thread is, told from time to time. */

const PROGRESS_MS = 100

/** Calls `tell`, if there is one, until the work is done, and then once more. */
export async function whileTelling<R>(
  tell: (() => void) | undefined, work: Promise<R>,
): Promise<R> {
  if (tell === undefined) return work
  const timer = setInterval(tell, PROGRESS_MS)
  try {
    const result = await work
    tell()
    return result
  } finally {
    clearInterval(timer)
  }
}
