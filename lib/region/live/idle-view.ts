/**
 * The view of a snapshot that was closed, kept for the next one: that then applies what was
 * committed in between, instead of opening the file and applying everything since the last
 * checkpoint. There is one, for ten seconds: whoever takes snapshots now and then has no memory, no
 * slot and no replaced file held for it.
 */
import type { View } from './view.js'

const KEPT_MS = 10_000

export class IdleView {
  private view: View | undefined
  private timer: NodeJS.Timeout | undefined
  private ended = false

  /** It, showing exactly this epoch, which the caller pins; undefined when there is none. */
  take(epoch: number): View | undefined {
    const { view } = this
    this.view = undefined
    if (view === undefined || view.resume(epoch)) return view
    view.close()
    return undefined
  }

  /** Takes a view that nobody uses any more, and closes it sooner or later. */
  give(view: View): void {
    if (this.ended || this.view !== undefined || !view.pause()) {
      view.close()
      return
    }
    this.view = view
    if (this.timer === undefined) this.timer = setTimeout(() => this.drop(), KEPT_MS).unref()
    else this.timer.refresh()
  }

  private drop(): void {
    this.view?.close()
    this.view = undefined
  }

  /** From now on views are closed at once. */
  end(): void {
    this.ended = true
    clearTimeout(this.timer)
    this.drop()
  }
}
