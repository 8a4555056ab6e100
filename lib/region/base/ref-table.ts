/** A table from refs to refs: open addressing in two typed arrays, at most half full. */
const FIRST_SLOTS = 1 << 10

export class RefTable {
  private keys = new Uint32Array(FIRST_SLOTS)
  private values = new Uint32Array(FIRST_SLOTS)
  private mask = FIRST_SLOTS - 1
  size = 0

  /** 0 when there is none. */
  get(key: number): number {
    return this.values[this.slotOf(key)]!
  }

  /** Neither may be 0. */
  set(key: number, value: number): void {
    const slot = this.slotOf(key)
    if (this.keys[slot] === 0) this.size++
    this.keys[slot] = key
    this.values[slot] = value
    if (this.size * 2 > this.mask) this.grow()
  }

  private slotOf(key: number): number {
    const { keys, mask } = this
    let slot = (Math.imul(key, 0x9e37_79b1) >>> 7) & mask
    while (keys[slot] !== 0 && keys[slot] !== key) slot = (slot + 1) & mask
    return slot
  }

  private grow(): void {
    const { keys, values } = this
    this.mask = this.mask * 2 + 1
    this.keys = new Uint32Array(this.mask + 1)
    this.values = new Uint32Array(this.mask + 1)
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === 0) continue
      const slot = this.slotOf(keys[i]!)
      this.keys[slot] = keys[i]!
      this.values[slot] = values[i]!
    }
  }
}
