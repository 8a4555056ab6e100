/** What the tests of stores keep in them. */
import { readdirSync } from 'node:fs'
import {
  Store, t, type Durability, type Infer, type Packed, type Region,
} from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { until } from '../harness/until.js'

/** Names regions whose root is of the same type. */
export const Link = t.struct('Link', { title: t.string, next: t.optional(t.packed(t.self)) })
export type LinkView = Infer<typeof Link>
export const Slot = t.struct('Slot', { link: t.optional(t.packed(Link)) })

export const slotsOf = (region: Region) => region.map('slots', t.u32, Slot)

export function packLink(
  store: Store, name: string | null, title: string, next?: Packed<any>,
  durability: Durability = 'none',
): Packed<LinkView> {
  const options = { root: Link, capacity: '1MiB', durability } as const
  return store.pack(name, options, () => ({ title, next }) as never) as unknown as Packed<LinkView>
}

/** An empty store in a folder of its own. */
export function newStore(): { dir: string; store: Store } {
  const dir = temporaryDirectory()
  return { dir, store: Store.open(dir, { create: true }) }
}

const packedOnes = (store: Store) => store.list().filter(({ kind }) => kind === 'packed')

export const packedIds = (store: Store): number[] => packedOnes(store).map(({ id }) => id)

/** Names, fields and handles of each packed region. */
export const countsOf = (store: Store): number[] =>
  packedOnes(store).map(({ references }) => references)

/** Waits until no more than `left` packed regions are there. */
export const gone = (store: Store, left = 0): Promise<void> =>
  until('it is gone', () => packedIds(store).length === left)

/** Ids of the packed files that are in a store's folder. */
export const packedFiles = (dir: string): number[] => readdirSync(dir)
  .flatMap((name) => name.endsWith('.packed') ? [Number.parseInt(name, 10)] : [])
  .sort((a, b) => a - b)
