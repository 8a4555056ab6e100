/** How work tells how far it is; print/progress.ts shows it. */

export type OnProgress = (done: number, total: number) => void

/** What reads pages tells of it after so many. */
export const PROGRESS_PAGES = 256
