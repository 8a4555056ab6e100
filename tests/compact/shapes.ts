/** A region with one of everything, most of it deleted again, and what must be in it. */
import * as assert from 'uvu/assert'
import { t, type Ref, type Region } from '../../lib/index.js'

export const Tag = t.struct('Tag', { name: t.string, next: t.optional(t.self) })
export const Town = t.struct('Town', {
  name: t.string, people: t.u32, tag: t.ref(() => Tag), words: t.array(t.string),
  years: t.map(t.u32, t.string), kinds: t.multimap(t.string, t.u32),
})

const nameOf = (i: number): string => `town ${String(i).padStart(6, '0')}`

export function townOf(i: number, tag: Ref<any>): any {
  return {
    name: `${nameOf(i)} `.repeat(i % 5 + 1), people: i, tag, words: [`w${i}`, 'common'],
    years: [[i, 'a year'], [i + 1, 'another']], kinds: [['even', i * 2], ['odd', i * 2 + 1]],
  }
}

/** `count` towns, of which every `every`th stays. */
export function fill(region: Region, count: number, every = 10): void {
  const towns = region.map('towns', t.string, Town)
  const byEven = region.multimap('by even', t.string, t.u32)
  region.transact(() => {
    const first = region.alloc(Tag, { name: 'first' })
    const second = region.alloc(Tag, { name: 'second', next: first })
    region.deref(first).next = second as never
    region.value('tag', t.ref(() => Tag)).set(first as never)
    for (let i = 0; i < count; i++) {
      towns.set(nameOf(i), townOf(i, i % 2 === 0 ? first : second))
      byEven.add(i % 2 === 0 ? 'even' : 'odd', i)
    }
  })
  towns.index('by people', 'people')
  region.transact(() => {
    for (let i = 0; i < count; i++) if (i % every !== 0) towns.delete(nameOf(i))
  })
}

type Checked = Pick<Region, 'read' | 'map' | 'value' | 'multimap'>

/** Throws unless all that `fill` left is there. */
export function check(region: Checked, count: number, every = 10): void {
  region.read(() => {
    const towns = region.map('towns', t.string, Town) as any
    let i = 0
    for (const [key, town] of towns.entries()) {
      assert.is(key, nameOf(i))
      assert.is(town.people, i)
      assert.is(town.name, `${nameOf(i)} `.repeat(i % 5 + 1))
      assert.equal([...town.words], [`w${i}`, 'common'])
      assert.equal([...town.years.entries()], [[i, 'a year'], [i + 1, 'another']])
      assert.equal([...town.kinds.entries()], [['even', i * 2], ['odd', i * 2 + 1]])
      assert.is(town.tag.name, i % 2 === 0 ? 'first' : 'second')
      assert.is(town.tag.next.next.name, town.tag.name, 'the cycle')
      i += every
    }
    assert.is(towns.size, Math.ceil(count / every))
    assert.is((region.value('tag', t.ref(() => Tag)) as any).get().name, 'first')
    assert.is(region.multimap('by even', t.string, t.u32).size, count)
  })
}
