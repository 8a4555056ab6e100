/** Damage to files, from a seed. */
export const PAGE = 4096

/** A small generator (mulberry32): the same numbers from the same seed. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

type Random = ReturnType<typeof randomOf>
type Damage = (file: Buffer, random: Random) => Buffer

const pageAt = (file: Buffer, random: Random): number =>
  random(Math.max(1, Math.floor(file.length / PAGE))) * PAGE

/** Where headers are is damaged as often as all the rest. */
const anywhere = (file: Buffer, random: Random): number =>
  random(random(2) === 0 ? Math.min(file.length, 8 * PAGE) : file.length)

const DAMAGES: Record<string, Damage> = {
  flip(file, random) {
    for (let left = 1 + random(4); left > 0; left--) file[anywhere(file, random)]! ^= 1 << random(8)
    return file
  },
  word(file, random) {
    const at = Math.min(file.length - 4, anywhere(file, random)) & ~3
    file.writeUInt32LE([0, 1, 0xffff_ffff, 0x7fff_ffff, random(2 ** 32)][random(5)]!, at)
    return file
  },
  cut: (file, random) => file.subarray(0, random(file.length)),
  swap(file, random) {
    const [a, b] = [pageAt(file, random), pageAt(file, random)]
    const kept = Buffer.from(file.subarray(a, a + PAGE))
    file.copyWithin(a, b, b + PAGE)
    kept.copy(file, b)
    return file
  },
  randomPage(file, random) {
    const at = pageAt(file, random)
    for (let i = at; i < Math.min(at + PAGE, file.length); i++) file[i] = random(256)
    return file
  },
  zeroPage(file, random) {
    const at = pageAt(file, random)
    return file.fill(0, at, Math.min(at + PAGE, file.length))
  },
}

/** A damaged copy, and what was done. */
export function damaged(file: Buffer, random: Random): { bytes: Buffer; how: string } {
  const kinds = Object.keys(DAMAGES)
  const how = kinds[random(kinds.length)]!
  return { bytes: DAMAGES[how]!(Buffer.from(file), random), how }
}
