/**
 * What changes inside of a record, in its maps and arrays, is a change of the record: indexes by
 * functions are kept right, and listeners hear of it. They once were not.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type RStoreError } from '../../lib/index.js'
import { withRegion, type Place } from '../harness/with-region.js'

const test = suite('map: changes inside of records')

const Book = t.struct('Book', {
  title: t.string,
  chapters: t.map(t.string, t.struct('Chapter', { pages: t.u16, marks: t.map(t.u16, t.string) })),
  words: t.multimap(t.string, t.u16),
  years: t.array(t.i32),
})
const book = (title: string) => ({
  title,
  chapters: [['one', { pages: 10, marks: [[3, 'x']] as [number, string][] }]] as const,
  words: [['fjord', 3]] as [string, number][],
  years: [1900, 1950],
})

function shelf(place: Place) {
  const region = place.create()
  const books = region.map('books', t.string, Book)
  region.transact(() => ['a', 'b'].forEach((key) => books.set(key, book(key))))
  return { region, books }
}

test('indexes by functions', withRegion(async (place) => {
  const { region, books } = shelf(place)
  const pages = books.index('pages', ({ chapters }) =>
    [...chapters.values()].reduce((sum, chapter) => sum + chapter.pages, 0), { key: t.u32 })
  const words = books.index('words', (record) => record.words.size, { key: t.u32 })
  const last = books.index('last', (record) => record.years.at(-1), { key: t.i32 })
  const marks = books.index('marks', (record) => record.chapters.get('one')?.marks.get(3),
    { key: t.string })
  region.transact(() => {
    const record = books.get('a')!
    record.chapters.set('two', { pages: 5, marks: [] })
    record.chapters.get('one')!.pages = 20
    record.chapters.get('one')!.marks.set(3, 'changed')
    record.words.add('fjord', 4)
    record.words.add('fjell', 4)
    record.words.remove('fjord', 3)
    region.editArray(record.years, 1, 2, (years: Int32Array) => { years[0] = 2026 })
  })
  const entries = (index: { entries(): Iterable<[unknown, string, unknown]> }): unknown[] =>
    Array.from(index.entries(), ([indexKey, key]) => [indexKey, key])
  assert.equal(entries(pages), [[10, 'b'], [25, 'a']])
  assert.equal(entries(words), [[1, 'b'], [2, 'a']])
  assert.equal(entries(last), [[1950, 'b'], [2026, 'a']])
  assert.equal(entries(marks), [['changed', 'a'], ['x', 'b']])
  region.transact(() => {
    const { chapters } = books.get('a')!
    assert.is(chapters.clear({ gt: 'one' }), 1)
    chapters.delete('one')
    chapters.update('three', () => ({ pages: 1, marks: [] }))
    assert.ok(chapters.setIfAbsent('four', { pages: 1, marks: [] }))
    assert.ok(chapters.compareAndSet('four', { pages: 1, marks: [] }, undefined))
  })
  assert.equal(entries(pages), [[1, 'a'], [10, 'b']])
  assert.equal(entries(marks), [['x', 'b']])
  let loaded: Promise<number> | undefined
  region.transact(() => {
    loaded = books.get('b')!.chapters
      .bulkLoad([['p', { pages: 1, marks: [] }], ['q', { pages: 2, marks: [] }]])
  })
  assert.is(await loaded, 2)
  assert.equal(entries(pages), [[1, 'a'], [13, 'b']])
  assert.equal((await region.verify()).problems, [])
}))

test('what a unique index refuses is undone inside, too', withRegion((place) => {
  const { region, books } = shelf(place)
  region.transact(() => books.get('a')!.words.add('only', 1))
  books.index('words', (record) => record.words.size, { key: t.u32, unique: true })
  const codes = [
    () => books.get('b')!.words.add('second', 1), () => books.get('a')!.words.remove('only'),
  ].map((change) => region.transact(() => {
    try {
      change()
      return 'nothing thrown'
    } catch (error) {
      return (error as RStoreError).code
    }
  }))
  assert.equal(codes, ['RSTORE_UNIQUE', 'RSTORE_UNIQUE'])
  assert.equal([books.get('a')!.words.size, books.get('b')!.words.size], [2, 1])
}))

test('an index whose function is not declared, and one by fields', withRegion((place) => {
  const { region, books } = shelf(place)
  books.index('title', 'title')
  region.transact(() => books.get('a')!.words.add('x', 1))
  books.index('words', (record) => record.words.size, { key: t.u32 })
  region.close()
  const again = place.open()
  const same = again.map('books', t.string, Book)
  for (const change of [
    () => same.get('a')!.words.add('y', 1), () => same.get('a')!.chapters.delete('one'),
    () => again.editArray(same.get('a')!.years, 0, 1, () => {}),
  ]) {
    try {
      again.transact(() => void change())
      assert.unreachable()
    } catch (error) {
      assert.is((error as RStoreError).code, 'RSTORE_INDEX_NOT_DECLARED')
    }
  }
}))

test('listeners', withRegion((place) => {
  const { region, books } = shelf(place)
  const heard: string[] = []
  books.on('change', ({ key, kind }) => heard.push(`${kind} ${key}`))
  region.transact(() => books.get('a')!.words.add('x', 1))
  region.transact(() => books.get('b')!.chapters.get('one')!.marks.set(1, 'y'))
  region.transact(() => region.editArray(books.get('a')!.years, 0, 1, () => {}))
  assert.equal(heard, ['set a', 'set b', 'set a'])
}))

test.run()
