/** A progress bar on standard error, for what takes more than a second; on a terminal only. */
import cliProgress from 'cli-progress'
import type { OnProgress } from '../shared/progress.js'
import { formatCount, formatDuration } from './units.js'

/** Shorter work is over before anyone would read it. */
const SHOWN_AFTER_MS = 1000

export interface ProgressOptions {
  /** What is being done: 'verifying'. Our words, not text from a file. */
  title: string
  /** How counts are shown; `formatBytes` for bytes. */
  format?: (count: number) => string
  /** Whether the work prints lines: on a terminal there is no bar between them. */
  printsLines?: boolean
}

export class Progress {
  private readonly begun = performance.now()
  private partBegun = this.begun
  private readonly bar: cliProgress.SingleBar
  private readonly isSilent: boolean
  private title: string
  private shown = false

  constructor({ title, format = formatCount, printsLines = false }: ProgressOptions) {
    this.title = title
    this.isSilent = !process.stderr.isTTY || (printsLines && process.stdout.isTTY)
    this.bar = new cliProgress.SingleBar({
      format: `{title} {bar} {percentage}% {value} of {total}{left}`,
      formatValue: (value, _options, type) =>
        type === 'value' || type === 'total' ? format(value) : String(value),
      stream: process.stderr,
      clearOnComplete: true,
      barsize: 30,
      linewrap: true,  // cut to the width: a signal would leave a terminal that does not wrap
    }, cliProgress.Presets.shades_classic)
  }

  /** `update`, for whoever takes a function. */
  readonly onProgress: OnProgress = (done, total) => this.update(done, total)

  /** May be called as often as one likes. */
  update(done: number, total: number): void {
    if (this.isSilent) return
    if (!this.shown && performance.now() - this.begun < SHOWN_AFTER_MS) return
    const shown = { title: this.title, left: this.leftText(done, total) }
    if (!this.shown) this.bar.start(total, done, shown)
    this.shown = true
    this.bar.setTotal(total)
    this.bar.update(done, shown)
  }

  /** Were the rest as fast; nothing while too little is done to say. */
  private leftText(done: number, total: number): string {
    if (!(done > 0)) return ''
    const seconds = (performance.now() - this.partBegun) / 1000
    return `, ${formatDuration(Math.max(0, seconds * (total - done) / done))} left`
  }

  /** The next part of the work, which counts from 0 again. */
  next(title: string): void {
    this.stop()
    this.title = title
    this.partBegun = performance.now()
  }

  /** Takes the bar off the screen. */
  stop(): void {
    if (this.shown) this.bar.stop()
    this.shown = false
  }
}

/** Runs `work` under a bar that goes however it ends. */
export async function withProgress<R>(
  options: ProgressOptions, work: (progress: Progress) => R | Promise<R>,
): Promise<R> {
  const progress = new Progress(options)
  try {
    return await work(progress)
  } finally {
    progress.stop()
  }
}
