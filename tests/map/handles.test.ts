/** Two handles on one region, in one process: each is as another process would be. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t } from '../../lib/index.js'
import { nextTurn, thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('map: two handles')

const City = t.struct('City', { name: t.string, size: t.u32 })

function twoHandles(place: Place) {
  const first = place.create({ capacity: '8MiB' })
  const map = first.map('cities', t.string, City)
  first.transact(() => map.set('oslo', { name: 'Oslo', size: 7 }))
  const second = place.open()
  return { first, map, second, other: second.map('cities', t.string, City) }
}

test('an index that another handle makes at the same time is taken, not made twice',
  withRegion(async (place) => {
    const { map, other, second } = twoHandles(place)
    assert.is(other.size, 1, 'the other one sees this commit until its turn ends')
    const bySize = map.index('size', 'size')
    const byName = map.index('name', (city) => city.name)
    const same = other.index('size', 'size')
    assert.equal([...same.range()].map(({ name }) => name), ['Oslo'])
    await nextTurn()
    assert.is(other.size, 1)
    map.index('late', (city) => city.size, { key: t.u16 })
    assert.equal([...other.index('late', (city) => city.size).keys({ gte: 7 })], ['oslo'])
    assert.throws(() => other.index('name', 'name'), /is stored as/)
    second.transact(() => {
      other.index('name', (city) => city.name)
      other.set('bergen', { name: 'Bergen', size: 3 })
    })
    await nextTurn()
    assert.equal([...bySize.keys()], ['bergen', 'oslo'])
    assert.equal([...byName.keys()], ['bergen', 'oslo'])
  }))

test('listeners hear what their own handle commits', withRegion(async (place) => {
  const { first, map, second, other } = twoHandles(place)
  const heard: string[] = []
  map.on('change', ({ key }) => heard.push(`first: ${key}`))
  other.on('change', ({ key }) => heard.push(`second: ${key}`))
  first.map('cities', t.string, City).on('change', ({ key }) => heard.push(`again: ${key}`))
  first.transact(() => map.set('a', { name: 'A', size: 1 }))
  second.transact(() => other.set('b', { name: 'B', size: 2 }))
  await first.write(() => map.delete('a'))
  assert.equal(heard, ['first: a', 'again: a', 'second: b', 'first: a', 'again: a'])
}))

test('a map that was renamed and then dropped by another handle is no later one of its old name',
  withRegion(async (place) => {
    const { first, map, second } = twoHandles(place)
    first.transact(() => first.renameMap('cities', 'towns'))
    await nextTurn()
    second.transact(() => {
      second.dropMap('towns')
      second.map('cities', t.string, City).set('rome', { name: 'Rome', size: 9 })
    })
    await nextTurn()
    thrown('RSTORE_NOT_FOUND', () => map.size)
    thrown('RSTORE_NOT_FOUND', () => first.transact(() => map.delete('rome')))
    const made = first.map('cities', t.string, City)
    assert.is(made.size, 1)
    thrown('RSTORE_NOT_FOUND', () => map.size)
  }))

test('of several renamings handles follow those that were not rolled back',
  withRegion(async (place) => {
    const { first, map } = twoHandles(place)
    const rename = (from: string, to: string): void => first.renameMap(from, to)
    const undone = (...renamings: [string, string][]): void => assert.throws(
      () => first.transact(() => {
        for (const [from, to] of renamings) rename(from, to)
        throw new Error('back')
      }), /back/)
    undone(['cities', 'a'], ['a', 'b'])
    assert.is(map.size, 1)
    undone(['cities', 'a'], ['a', 'cities'], ['cities', 'b'])
    assert.is(map.size, 1)
    first.transact(() => {
      rename('cities', 'a')
      undone(['a', 'b'])
    })
    assert.is(map.size, 1)
    assert.is(first.map('a', t.string, City).size, 1)
  }))

test('a map that took the name of a dropped one, and what is rolled back of that',
  withRegion(async (place) => {
    const { first, map: old } = twoHandles(place)
    const next = first.map('next', t.string, City)
    next.index('length', (city) => city.name.length)
    first.transact(() => next.set('rome', { name: 'Rome', size: 9 }))
    const take = (): void => {
      first.dropMap('cities')
      first.renameMap('next', 'cities')
      assert.equal([...old.keys()], [...next.keys()])
      assert.ok(old.has('rome'))
    }
    assert.throws(() => first.transact(() => {
      take()
      throw new Error('back')
    }), /back/)
    assert.equal([[...old.keys()], [...next.keys()]], [['oslo'], ['rome']])
    const heard: string[] = []
    const listen = (map: typeof old, name: string): (() => void) =>
      map.on('change', ({ key }) => heard.push(`${name}: ${key}`))
    const endings = [listen(old, 'old'), listen(next, 'next')]
    first.transact(() => {
      assert.throws(() => first.transact(() => {
        take()
        throw new Error('back')
      }), /back/)
      old.set('a', { name: 'A', size: 1 })
      next.set('b', { name: 'B', size: 1 })
    })
    assert.equal(heard.splice(0), ['old: a', 'next: b'])
    first.transact(take)
    first.transact(() => old.set('bergen', { name: 'Bergen', size: 3 }))
    assert.equal([...next.index('length', (city) => city.name.length).keys({ gte: 6 })], ['bergen'])
    assert.equal(heard.splice(0).sort(), ['next: bergen', 'old: bergen'])
    endings.forEach((end) => end())
    await first.write(() => {
      first.renameMap('cities', 'last')
      old.delete('bergen')
    })
    assert.equal([[...old.keys()], [...next.keys()], heard], [['b', 'rome'], ['b', 'rome'], []])
    assert.is(first.map('cities', t.string, City).size, 0)
    assert.is(old.size, 2)
  }))

test('maps may take each other\'s names all day', withRegion((place) => {
  const { first } = twoHandles(place)
  const numbers = (name: string) => first.map(name, t.u32, t.u32)
  const oldest = first.transact(() => numbers('live'))
  for (let i = 1; i <= 12_000; i++) {
    first.transact(() => {
      numbers('next').set(1, i)
      first.dropMap('live')
      first.renameMap('next', 'live')
    })
  }
  first.transact(() => first.renameMap('live', 'kept'))
  assert.equal([numbers('kept').get(1), oldest.get(1)], [12_000, 12_000])
}))

test('a handle of an index is not one of another by the same name', withRegion(async (place) => {
  const { map, second } = twoHandles(place)
  const byName = map.index('index', 'name')
  assert.is(byName.count({ gte: 'Oslo' }), 1)
  const remake = (...by: (string | { unique: true })[]): void => second.transact(() => {
    second.dropMap('cities')
    const made = second.map('cities', t.string, t.struct('City', { name: t.string, size: t.u32 }))
    made.index('index', by[0] as 'name', by[1] as { unique: true } | undefined)
    made.set('rome', { name: 'Rome', size: 9 })
  })
  for (const by of [['size'], ['name', { unique: true }]] as const) {
    await nextTurn()
    remake(...by)
    await nextTurn()
    for (const read of [() => byName.get('Rome'), () => byName.count(), () => byName.range()]) {
      thrown('RSTORE_TYPE_MISMATCH', read)
    }
  }
  await nextTurn()
  remake('name')
  await nextTurn()
  assert.is(byName.get('Rome')!.size, 9)
}))

test.run()
