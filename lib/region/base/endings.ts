/** What is told when a session can be written no more: things with memory of their own. */
import type { Ending, EndingReason } from '../../types/context.js'

/** Known weakly: who forgets one need not end it. */
export class Endings {
  private things: WeakRef<Ending>[] = []
  private limit = 1000

  add(thing: Ending): void {
    if (this.things.length === this.limit) {
      this.things = this.things.filter((known) => known.deref() !== undefined)
      this.limit = Math.max(1000, 2 * this.things.length)
    }
    this.things.push(new WeakRef(thing))
  }

  end(reason: EndingReason): void {
    for (const thing of this.things.splice(0)) thing.deref()?.end(reason)
  }
}
