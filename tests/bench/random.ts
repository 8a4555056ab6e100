/** Pseudo-random numbers, the same in every process for the same seed. */

export type Random = () => number

/** Uniform u32 numbers (mulberry32). */
export function randomNumbers(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

/** `count` numbers below `bound`, some of them more than once. */
export function picksBelow(bound: number, count: number, random: Random): Uint32Array {
  return Uint32Array.from({ length: count }, () => random() % bound)
}

/** The numbers from `start` to `start + count - 1`. */
export function sequence(start: number, count: number): Uint32Array {
  const numbers = new Uint32Array(count)
  for (let index = 0; index < count; index++) numbers[index] = start + index
  return numbers
}

/** The numbers below `bound` in random order; the first `count` of them. */
export function shuffled(bound: number, random: Random, count = bound): Uint32Array {
  const numbers = sequence(0, bound)
  for (let index = 0; index < count; index++) {
    const other = index + random() % (bound - index)
    const moved = numbers[other]!
    numbers[other] = numbers[index]!
    numbers[index] = moved
  }
  return count === bound ? numbers : numbers.slice(0, count)
}

/** A bijection of u32 (the finalizer of MurmurHash3): scatters without collisions. */
export function scatter(number: number): number {
  let mixed = number
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/**
 * Zipf-distributed ranks below `bound` with YCSB's constant 0.99, by the method of Gray et al.,
 * "Quickly generating billion-record synthetic databases" (1994): rank 0 is drawn most often.
 */
export function zipfRanks(bound: number, random: Random): Random {
  const theta = 0.99
  const zeta = (count: number): number => {
    let sum = 0
    for (let rank = 1; rank <= count; rank++) sum += 1 / rank ** theta
    return sum
  }
  const total = zeta(bound)
  const alpha = 1 / (1 - theta)
  const eta = (1 - (2 / bound) ** (1 - theta)) / (1 - zeta(2) / total)
  return () => {
    const uniform = random() / 2 ** 32
    const scaled = uniform * total
    if (scaled < 1) return 0
    if (scaled < 1 + 0.5 ** theta) return 1
    return Math.min(bound - 1, Math.floor(bound * (eta * uniform - eta + 1) ** alpha))
  }
}
