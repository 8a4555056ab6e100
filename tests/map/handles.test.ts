/** Two handles on one region, in one process: each is as another process would be. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t } from '../../lib/index.js'
import { nextTurn, withRegion, type Place } from '../harness/with-region.js'

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

test.run()
