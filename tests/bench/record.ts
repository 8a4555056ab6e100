/** The data: records of about 100 bytes with six fields, made from their number alone. */
import { randomNumbers, scatter } from './random.js'

export interface User {
  name: string
  address: string
  balance: number
  /** Milliseconds since 1970. */
  updated: number
  visits: number
  level: number
}

export const FIELDS = ['name', 'address', 'balance', 'updated', 'visits', 'level'] as const

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const TEXTS = 4096

/** Texts of these lengths; each a flat string of its own. */
function texts(minimum: number, maximum: number, seed: number): string[] {
  const random = randomNumbers(seed)
  return Array.from({ length: TEXTS }, () => {
    const length = minimum + random() % (maximum - minimum + 1)
    return Array.from({ length }, () => LETTERS[random() % LETTERS.length]).join('')
  })
}

const NAMES = texts(12, 24, 1)
const ADDRESSES = texts(40, 56, 2)

export const visitsOf = (index: number, revision = 0): number =>
  (scatter(index) + revision & 0x3fffffff) >>> 0

/** Record number `index`; a later revision of it has other values of about the same size. */
export function userOf(index: number, revision = 0): User {
  const visits = visitsOf(index, revision)
  return {
    name: NAMES[visits & (TEXTS - 1)]!,
    address: ADDRESSES[visits >>> 8 & (TEXTS - 1)]!,
    balance: visits / 64 + 0.01,
    updated: 1_700_000_000_000 + visits,
    visits,
    level: visits & 0x3f,
  }
}

/** What reading every field of a record adds to a sum. */
export const weigh = (user: User): number => user.name.length + user.address.length
  + user.balance + user.updated + user.visits + user.level

/** A flat string, as parsed ones are: the engine would flatten a joined one at its first use. */
export const stringKeyOf = (index: number): string =>
  ['user:', scatter(index ^ 0x5bd1e995).toString(16).padStart(8, '0')].join('')

/** Records, and under which keys they are: by number their index + 1, by string `stringKeyOf`. */
export interface Picks {
  indices: Uint32Array
  keys: ArrayLike<any>
}

export type KeyKind = 'number' | 'string'

export function picksOf(kind: KeyKind, indices: Uint32Array): Picks {
  if (kind === 'number') return { indices, keys: indices.map((index) => index + 1) }
  return { indices, keys: Array.from(indices, stringKeyOf) }
}
