/** A packed region with something of everything, and everything that can be read of one. */
import { Region, t, type Infer, type Packed } from '../../lib/index.js'

export const Book = t.struct('Book', {
  title: t.string,
  year: t.i16,
  price: t.f64,
  serial: t.u64,
  shelf: t.enum('low', 'high'),
  lent: t.optional(t.date),
  pages: t.array(t.f64),
  cover: t.bytes,
  place: t.struct('Place', { x: t.f32, y: t.f32 }),
  author: t.ref(() => Author),
})
export const Author = t.struct('Author', { name: t.string, born: t.optional(t.u16) })
const SHELVED = t.tuple(t.string, t.u32)
export const Library = t.struct('Library', {
  name: t.string,
  books: t.map(t.u32, Book),
  byTitle: t.map(t.string, t.u32),
  tags: t.multimap(t.string, t.u32),
  byShelf: t.map(SHELVED, t.array(t.string)),
  byDigest: t.map(t.bytes, t.tuple(t.f64, t.bool)),
  byDay: t.map(t.date, t.json),
  byNumber: t.map(t.i64, t.array(t.u64)),
})
export type LibraryView = Infer<typeof Library>

const COUNT = 300

export function packLibrary(path: string): void {
  const packed = Region.pack(path, { root: Library, capacity: '16MiB' }, (region, root) => {
    root.name = 'Bücherei'
    const authors = ['Undset', 'Hamsun'].map((name) => region.alloc(Author, { name }))
    for (let i = 0; i < COUNT; i++) {
      const title = `title ${String(i).padStart(4, '0')} ${'ü'.repeat(i % 7)}`
      root.books.set(i, {
        title,
        year: 1900 + i,
        price: i / 3,
        serial: BigInt(i) << 33n,
        shelf: i % 2 === 0 ? 'low' : 'high',
        lent: i % 3 === 0 ? new Date(i * 1000) : undefined,
        pages: Array.from({ length: i === 7 ? 2000 : i % 5 }, (_, page) => page / 2),
        cover: Uint8Array.of(i & 255, 1, 2),
        place: { x: i, y: 0.5 },
        author: authors[i % 2]!,
      })
      root.byShelf.set([i % 2 === 0 ? 'low' : 'high', i], [title, 'x'.repeat(i * 7)])
      root.byDigest.set(Uint8Array.of(i & 255, i >> 8, 7), [i / 2, i % 2 === 0])
      root.byTitle.set(title, i)
      root.byDay.set(new Date(i * 86_400_000 - 5e9), { i, tags: ['x', null] })
      root.byNumber.set(BigInt(i - 150) << 40n, [BigInt(i), 2n ** 63n])
      root.tags.add(`tag ${i % 4}`, i)
    }
    region.map('numbers', t.u32, t.f64).set(4, 4.5)
    region.multimap('pairs', t.u32, t.u32).add(1, 2)
    region.value('answer', t.u32).set(42)
    region.value('author', t.ref(() => Author)).set(authors[1]!)
    return root
  })
  packed!.close()
}

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, item) =>
      typeof item === 'bigint'
        ? `${item}n`
        : ArrayBuffer.isView(item)
          ? Array.from(item as never)
          : item,
    ),
  )

/** The whole reading API, as data that can be compared. */
export function readingOf(packed: Packed<LibraryView>): unknown {
  const { books, byTitle, tags, name, byShelf, byDigest, byDay, byNumber } = packed.root
  const keys = Uint32Array.of(3, 250, 7, 999)
  const column = books.getColumn(keys, 'year')
  let summed = 0
  books.forEach(({ price }) => {
    summed += price
  })
  return plain({
    name,
    sizes: [books.size, byTitle.size, tags.size],
    every: Array.from(books, ([key]) => [key, books.getObject(key)]),
    one: [
      books.get(7)!.title,
      books.get(7)!.place.x,
      books.get(7)!.shelf,
      books.get(999) === undefined,
    ],
    array: [books.get(7)!.pages.length, Array.from(books.get(7)!.pages).slice(1990)],
    bytes: Array.from(books.get(9)!.cover),
    has: [books.has(299), books.has(300), byTitle.has('none')],
    ends: [books.first()![0], books.last()![0], byTitle.first(), byTitle.last()],
    ranges: [
      [...books.keys({ gte: 10, lt: 15 })],
      [...books.keys({ lte: 5, reverse: true })],
      Array.from(byTitle.entries({ gt: 'title 0290', limit: 4 })),
      Array.from(books.values({ gt: 296 }), ({ title }) => title),
      books.count({ gte: 100, lt: 200 }),
    ],
    many: [
      books.getMany(keys).map((book) => book?.title ?? null),
      byTitle.getMany([byTitle.first()![0], 'none']).map((value) => value ?? null),
    ],
    column: [column.missing, ...column.values],
    columnOfRange: [...books.getColumn({ gte: 5, lt: 9 }, 'price').values],
    numbers: [...packed.map('numbers', t.u32, t.f64).getColumn(Uint32Array.of(4), '').values],
    refs: [books.get(6)!.author!.name, books.get(7)!.author!.name, books.get(7)!.author!.born],
    objects: [
      books.get(8)!.toObject().title,
      books.get(8)!.place.toObject(),
      books.get(8)!.equals(books.getObject(8)),
      books.get(8)!.equals(books.get(9)),
    ],
    tuples: [
      [...byShelf.keys({ gte: ['low', 290] })],
      [...byShelf.get(['high', 299])!].map((text) => text.length),
      byDigest.get(Uint8Array.of(1, 0, 7)),
      byDigest.has(Uint8Array.of(1, 9, 7)),
      [...byDigest.entries({ limit: 2, reverse: true })],
    ],
    days: [
      [...byDay.entries({ lt: new Date(-4.7e9) })],
      byDay.get(new Date(0)) ?? null,
      [...byDay.keys({ reverse: true, limit: 2 })].map((day) => day.getTime()),
    ],
    longs: Array.from(byNumber.entries({ gte: -3n << 40n, limit: 3 }), ([key, list]) =>
      [key, Array.from(list)]),
    counted: [byDay.count(), byNumber.has(-150n << 40n), byNumber.last()![0]],
    backwards: Array.from(tags.entries({ gte: 'tag 3', limit: 3 })),
    iterated: [Array.from(tags).length, Array.from(byTitle.values({ limit: 2, reverse: true }))],
    tags: [
      tags.countOf('tag 1'),
      [...tags.valuesOf('tag 2')].slice(0, 3),
      [...tags.keys()],
      tags.has('tag 3', 3),
    ],
    named: [
      packed.names().map((entry) => entry.name),
      packed.map('numbers', t.u32, t.f64).get(4),
      packed.value('answer', t.u32).get(),
      packed.value('author', t.ref(() => Author)).get()!.name,
      [...packed.multimap('pairs', t.u32, t.u32).valuesOf(1)],
    ],
    summed,
  })
}
