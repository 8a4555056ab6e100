/** How `verify` tells of what it met: damage is reported, never thrown. */
import { RStoreError } from '../../errors.js'
import type { Problem, VerifyReport } from '../../map/verify/report.js'

/** How `verify` reports a page that does not fit its checksum. */
export const pageProblem = (page: number): Problem => ({
  code: 'PAGE_CHECKSUM', page, message: `The content of page ${page} does not fit its checksum.`,
})

const DAMAGE: ReadonlySet<string> =
  new Set(['RSTORE_CORRUPT', 'RSTORE_IO', 'RSTORE_DANGLING_REF', 'RSTORE_TYPE_MISMATCH'])

/**
 * How `verify` reports an error that says what is wrong with the file. Rethrows any other: of a
 * handle that was closed, of a snapshot that was revoked, …
 */
export function damageProblem(error: unknown): Problem {
  if (error instanceof RStoreError && DAMAGE.has(error.code)) return problemOf(error)
  throw error
}

export const problemOf = ({ code, message }: RStoreError): Problem => ({ code, message })

/** Of what could not be walked to its end. */
export const failedReport = (problem: Problem): VerifyReport => ({
  ok: false, problems: [problem], bytes: { live: 0, free: 0, leaked: 0, unknown: 0 },
})

/** What `verify` gives, with damage that ended it as its only problem. */
export function reporting(verify: () => VerifyReport): VerifyReport {
  try {
    return verify()
  } catch (error) {
    return failedReport(damageProblem(error))
  }
}

/** The report with problems that were met before its own. */
export function withProblems(report: VerifyReport, before: readonly Problem[]): VerifyReport {
  if (before.length === 0) return report
  return { ...report, ok: false, problems: [...before, ...report.problems] }
}
