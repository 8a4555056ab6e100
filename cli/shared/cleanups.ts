/**
 * Nothing half done is left behind: whoever makes a temporary file, or anything else that must go
 * again, runs under `withCleanup`. A signal that ends the process (Ctrl-C, kill, a closed terminal)
 * runs what is registered, the latest first, and then ends the process by that same signal.
 *
 * A signal is noticed when the event loop turns. Work that keeps the thread for more than moments
 * therefore lets other work run in between.
 *
 * While nothing is registered no handler is installed: the system's own one ends the process at
 * once, whatever it is doing.
 */

type Cleanup = () => void

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const registered: Cleanup[] = []

function endBySignal(signal: NodeJS.Signals): void {
  for (const cleanup of registered.splice(0).reverse()) {
    try {
      cleanup()
    } catch {
      // the others have theirs to do, and nobody is left who could be told
    }
  }
  ignoreSignals()
  process.kill(process.pid, signal)
}

function heedSignals(): void {
  for (const signal of SIGNALS) process.on(signal, endBySignal)
}

function ignoreSignals(): void {
  for (const signal of SIGNALS) process.off(signal, endBySignal)
}

function remove(cleanup: Cleanup): void {
  const index = registered.lastIndexOf(cleanup)
  if (index < 0) return
  registered.splice(index, 1)
  if (registered.length === 0) ignoreSignals()
}

/**
 * Runs `work`. When it throws, or a signal ends the process meanwhile, `cleanup` is called, once;
 * it has to be synchronous. When `work` succeeds it is not called.
 */
export async function withCleanup<R>(work: () => R | Promise<R>, cleanup: Cleanup): Promise<R> {
  const own: Cleanup = () => cleanup()
  registered.push(own)
  if (registered.length === 1) heedSignals()
  try {
    return await work()
  } catch (error) {
    if (registered.includes(own)) cleanup()
    throw error
  } finally {
    remove(own)
  }
}
