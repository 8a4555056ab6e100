/**
 * What `verify` tells of its two halves: first the pages of the file are compared, then its cells
 * looked at. Both are told as of about as many cells, so that the total stays what it is.
 */
import type { VerifyOptions } from '../../map/verify/report.js'
import type { OpenSession } from './open-session.js'
import { aboutCells } from './stats.js'
import type { OnProgress } from './telling.js'

/** At least one: of damage, that it cannot be told how many there are, is met again. */
function cellsOf(session: OpenSession): number {
  try {
    return Math.max(1, aboutCells(session.aboutBytes()))
  } catch {
    return 1
  }
}

export class VerifyProgress {
  /** What is told of pages; of none where nobody listens. */
  readonly pages: OnProgress | undefined
  /** For whoever looks at the cells. */
  readonly cells: VerifyOptions
  /** What `onProgress` threw: no damage, and the end of it all. */
  private stopped: { readonly error: unknown } | undefined

  constructor(session: OpenSession, { onProgress }: VerifyOptions) {
    this.cells = {}
    if (onProgress === undefined) return
    const cells = cellsOf(session)
    const halfFrom = (from: number): OnProgress => this.remembering((done, all) =>
      onProgress(from + Math.floor(all === 0 ? cells : cells * done / all), 2 * cells))
    this.pages = halfFrom(0)
    this.cells = { onProgress: halfFrom(cells) }
  }

  private remembering(tell: OnProgress): OnProgress {
    return (done, all) => {
      try {
        tell(done, all)
      } catch (error) {
        this.stopped = { error }
        throw error
      }
    }
  }

  /** Throws what it threw. */
  assertGoesOn(): void {
    if (this.stopped !== undefined) throw this.stopped.error
  }
}
