/** A progress bar on standard error, for what takes more than a second; on a terminal only. */
import cliProgress from 'cli-progress'
import { formatCount } from './units.js'

/** Shorter work is over before anyone would read it. */
const SHOWN_AFTER_MS = 1000

export interface ProgressOptions {
  /** What is being done: 'verifying'. Our words, not text from a file. */
  title: string
  /** How counts are shown; `formatBytes` for bytes. */
  format?: (count: number) => string
}

export class Progress {
  private readonly begun = performance.now()
  private readonly bar: cliProgress.SingleBar
  private shown = false

  constructor({ title, format = formatCount }: ProgressOptions) {
    this.bar = new cliProgress.SingleBar({
      format: `${title} {bar} {percentage}% {value} of {total}, {eta_formatted} left`,
      formatValue: (value, _options, type) =>
        type === 'value' || type === 'total' ? format(value) : String(value),
      stream: process.stderr,
      clearOnComplete: true,
      barsize: 30,
      etaBuffer: 50,
      linewrap: true,  // cut to the width: a signal would leave a terminal that does not wrap
    }, cliProgress.Presets.shades_classic)
  }

  /** May be called as often as one likes. */
  update(done: number, total: number): void {
    if (!process.stderr.isTTY) return
    if (!this.shown) {
      if (performance.now() - this.begun < SHOWN_AFTER_MS) return
      this.shown = true
      this.bar.start(total, done)
    }
    this.bar.setTotal(total)
    this.bar.update(done)
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
