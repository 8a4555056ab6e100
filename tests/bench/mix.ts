/** The six standard mixes of YCSB (Cooper et al., 2010), drawn before the clock starts. */
import { randomNumbers, scatter, zipfRanks } from './random.js'
import { picksOf, type KeyKind, type Picks } from './record.js'

export enum Kind { read, update, insert, scan, modify }

export interface Mix {
  kinds: Uint8Array
  /** The record of each operation. */
  picks: Picks
  /** For scans: how many entries. */
  lengths: Uint32Array
}

export type MixName = 'A' | 'B' | 'C' | 'D' | 'E' | 'F'

/** Shares in percent; what is not read is the other kind. */
const MIXES: Record<MixName, { most: Kind; percent: number; other: Kind }> = {
  A: { most: Kind.read, percent: 50, other: Kind.update },
  B: { most: Kind.read, percent: 95, other: Kind.update },
  C: { most: Kind.read, percent: 100, other: Kind.read },
  D: { most: Kind.read, percent: 95, other: Kind.insert },
  E: { most: Kind.scan, percent: 95, other: Kind.insert },
  F: { most: Kind.read, percent: 50, other: Kind.modify },
}

export const MIX_NAMES = Object.keys(MIXES) as MixName[]

export const MIX_TITLES: Record<MixName, string> = {
  A: 'YCSB A: 50 % reads, 50 % updates',
  B: 'YCSB B: 95 % reads, 5 % updates',
  C: 'YCSB C: reads',
  D: 'YCSB D: 95 % reads of the latest, 5 % inserts',
  E: 'YCSB E: 95 % short scans, 5 % inserts',
  F: 'YCSB F: 50 % reads, 50 % read-modify-writes',
}

/** Scans have a uniform length up to this. */
const LONGEST_SCAN = 100

/** `count` operations on `records` records; popular ones are scattered, or in D the latest. */
export function drawMix(
  name: MixName, keys: KeyKind, records: number, count: number, seed: number,
): Mix {
  const { most, percent, other } = MIXES[name]
  const random = randomNumbers(seed)
  const ranks = zipfRanks(records, random)
  const indices = new Uint32Array(count)
  const kinds = new Uint8Array(count)
  const lengths = new Uint32Array(count)
  let total = records
  for (let at = 0; at < count; at++) {
    const kind = random() % 100 < percent ? most : other
    kinds[at] = kind
    lengths[at] = 1 + random() % LONGEST_SCAN
    if (kind === Kind.insert) indices[at] = total++
    else indices[at] = name === 'D' ? total - 1 - ranks() : scatter(ranks()) % records
  }
  return { kinds, picks: picksOf(keys, indices), lengths }
}
