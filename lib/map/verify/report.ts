/** What verification tells: damage as it is found, and how far it is. */
import { checkOptionNames } from '../../types/options.js'
import { pageOf } from '../../space/ref.js'

const PROBLEM_LIMIT = 1000

export interface VerifyOptions {
  /** Called every so many cells: of about `total` cells, `done` have been looked at. */
  onProgress?(done: number, total: number): void
}

/** Throws a TypeError on what `verify` has no option for. */
export const checkVerifyOptions = (options: VerifyOptions): void =>
  checkOptionNames(options, 'verify', ['onProgress'])

export interface Problem {
  code: string
  page?: number
  ref?: number
  path?: string
  message: string
}

export interface VerifyReport {
  ok: boolean
  problems: Problem[]
  bytes: { live: number; free: number; leaked: number; unknown: number }
}

/** Takes what the parts find; they go on. */
export class Findings {
  readonly problems: Problem[] = []
  private readonly onProgress: VerifyOptions['onProgress']
  /** What `onProgress` threw: no damage, and the end of it all. */
  private stopped: { readonly error: unknown } | undefined

  constructor(options: VerifyOptions) {
    this.onProgress = options.onProgress
  }

  add(code: string, ref: number, path: string, message: string): void {
    if (this.problems.length >= PROBLEM_LIMIT) return
    this.problems.push({ code, ref, page: pageOf(ref), ...(path === '' ? {} : { path }), message })
  }

  /** Runs a part; what it throws is a problem like any other. */
  guard(path: string, ref: number, part: () => void): void {
    try {
      part()
    } catch (error) {
      if (this.stopped !== undefined) throw this.stopped.error
      const { code = 'DAMAGED', message } = error as Error & { code?: string }
      this.add(code, ref, path, `${path}: ${message}`)
    }
  }

  tell(done: number, total: number): void {
    try {
      this.onProgress?.(done, total)
    } catch (error) {
      this.stopped = { error }
      throw error
    }
  }
}
