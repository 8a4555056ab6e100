/** Long work in steps, between which other work runs. */

export interface TurnsOptions {
  /** Cells and entries done, of about how many. */
  onProgress?(done: number, total: number): void
  /** Ends it with what the signal says. */
  signal?: AbortSignal
}

/** So long may other work have to wait, on a clock that nobody can set. */
const TURN_MS = 20

/**
 * Runs all steps. Whoever is told of progress may abort by that, also of the last: then nothing
 * more is done.
 */
export async function inTurns(
  steps: Iterator<number, void>, total: number, { onProgress, signal }: TurnsOptions,
): Promise<void> {
  let began = performance.now()
  signal?.throwIfAborted()
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    if (performance.now() - began < TURN_MS) continue
    onProgress?.(Math.min(step.value, total), total)
    await new Promise(setImmediate)
    signal?.throwIfAborted()
    began = performance.now()
  }
  signal?.throwIfAborted()
  onProgress?.(total, total)
  signal?.throwIfAborted()
}
