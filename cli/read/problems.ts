/** What is wrong with a file. Collected, never thrown: whoever reads a damaged file goes on. */

export interface Problem {
  /** Page of the region file, where one can be named. */
  page?: number
  /** What was being read: 'identity', 'catalog', `map "name"` … */
  where: string
  message: string
}

/** More are counted, not kept. */
const KEPT_PROBLEMS = 1000

export class Problems {
  readonly list: Problem[] = []
  count = 0

  add(where: string, message: string, page?: number): void {
    this.count++
    if (this.list.length >= KEPT_PROBLEMS) return
    this.list.push(page === undefined ? { where, message } : { page, where, message })
  }
}
