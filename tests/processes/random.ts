/** Random numbers that are the same for the same seed. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** From 0 to less than 1. */
  next(): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0
    return this.state / 2 ** 32
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }
}

/** From RSTORE_TEST_SEED, or else by the clock; printed, so that a failure can be repeated. */
export function printedSeed(otherwise = Date.now() % 2 ** 31): number {
  const seed = Number(process.env['RSTORE_TEST_SEED'] ?? otherwise)
  console.log(`RSTORE_TEST_SEED=${seed}`)
  return seed
}
