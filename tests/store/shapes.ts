/** What the tests of stores keep in them. */
import { readdirSync } from 'node:fs'
import {
  t, type Durability, type Infer, type Packed, type Region, type Store,
} from '../../lib/index.js'

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

export const packedIds = (store: Store): number[] =>
  store.list().filter(({ kind }) => kind === 'packed').map(({ id }) => id)

/** Ids of the packed files that are in a store's folder. */
export const packedFiles = (dir: string): number[] => readdirSync(dir)
  .flatMap((name) => name.endsWith('.packed') ? [Number.parseInt(name, 10)] : [])
  .sort((a, b) => a - b)
