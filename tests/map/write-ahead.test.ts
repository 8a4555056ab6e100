/**
 * Transactions whose bulk loads are written to the file ahead of the commit, against models: with
 * changes of what was written, savepoints that are rolled back over it, and lent buffers. The space
 * (harness/ahead-file.ts) looks at each commit whether its file has what memory has.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CONTROL } from '../../lib/space/allocation-words.js'
import { t, type RMap, type Type } from '../../lib/types/index.js'
import { Random, printedSeed } from '../processes/random.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound } from '../harness/types.js'

const test = suite('map: written ahead of the commit')
const seed = printedSeed()

interface Plain { name: string; note: string; size: number; marks: string[] }
const Item = t.struct('Item', {
  name: t.string, note: t.string, size: t.u32, marks: t.array(t.string),
})

class Undone extends Error {}

class Life {
  readonly region = new MemoryRegion(2 ** 25)
  readonly maps: RMap<any, any, Plain>[]
  readonly models: Map<number, Plain>[]
  readonly keyOf = [
    (i: number): unknown => i,
    (i: number): unknown => `a common beginning ${String(i).padStart(7, '0')}`,
    (i: number): unknown => BigInt(i) * 3n,
  ]
  readonly ends = [0, 0, 0]
  stretches = 0
  private readonly loading = new Set<number>()

  constructor(readonly random: Random) {
    const keys: Type<any>[] = [t.u32, t.string, t.u64]
    this.maps = keys.map((key, i) => this.region.map(`map ${i}`, key, Item))
    this.models = keys.map(() => new Map<number, Plain>())
    if (random.below(3) !== 0) this.maps[random.below(3)]!.index('by size', ['size'])
  }

  private value(i: number): Plain {
    const { random } = this
    return {
      name: `name ${i} `.repeat(random.below(5)),
      note: random.below(4) === 0 ? '' : 'ü'.repeat(i % 90),
      size: random.below(1000), marks: Array.from({ length: random.below(9) }, (_, k) => `m${k}`),
    }
  }

  /** Behind what is there, or, where an index is kept, entry by entry. */
  load(which: number): void {
    const count = 20 + this.random.below(900)
    const first = this.ends[which]!
    const entries = Array.from({ length: count }, (_, i) => [first + i, this.value(i)] as const)
    this.ends[which] = first + count
    const key = this.keyOf[which]!
    const life = this
    this.loading.add(which)
    void this.maps[which]!.bulkLoad((function* () {
      for (const [i, value] of entries) {
        if (life.random.below(90) === 0) life.changeOther(which)
        yield [key(i), value] as const
      }
    })())
    this.loading.delete(which)
    for (const [i, value] of entries) this.models[which]!.set(i, value)
    if (this.region.space.control[CONTROL.aheadUnits] !== 0) this.stretches++
  }

  /** By the source of a load. */
  private changeOther(which: number): void {
    const other = (which + 1) % this.maps.length
    if (this.loading.has(other)) return
    const kind = this.random.below(5)
    if (kind === 0) this.load(other)
    else if (kind < 3) this.change(other)
    else this.nested(() => this.change(other))
  }

  change(which: number): void {
    const { random } = this
    const [map, model, end] = [this.maps[which]!, this.models[which]!, this.ends[which]!]
    for (let n = random.below(30); n > 0; n--) {
      const i = random.below(end + 1)
      const key = this.keyOf[which]!(i)
      const kind = random.below(4)
      if (kind === 0) {
        map.delete(key)
        model.delete(i)
      } else if (kind === 1 && model.has(i)) {
        const size = random.below(1000)
        map.get(key).size = size
        model.set(i, { ...model.get(i)!, size })
      } else if (i < end) {
        const value = this.value(i)
        map.set(key, value)
        model.set(i, value)
      }
    }
  }

  /** A savepoint, or a transaction, that ends one way or the other. */
  nested(work: () => void): void {
    const models = this.models.map((model) => new Map(model))
    const ends = [...this.ends]
    const fails = this.random.below(2) === 0
    try {
      this.region.transact(() => {
        work()
        if (fails) throw new Undone()
      })
    } catch (error) {
      if (!(error instanceof Undone)) throw error
      models.forEach((model, i) => { this.models[i] = model })
      ends.forEach((end, i) => { this.ends[i] = end })
    }
  }

  transaction(): void {
    this.nested(() => this.some(3))
  }

  private some(depth: number): void {
    for (let n = 1 + this.random.below(4); n > 0; n--) {
      const which = this.random.below(this.maps.length)
      const kind = this.random.below(5)
      if (kind < 2) this.load(which)
      else if (kind < 4 || depth === 0) this.change(which)
      else this.nested(() => this.some(depth - 1))
    }
  }

  check(): void {
    assertSound(this.region)
    this.maps.forEach((map, which) => {
      const model = this.models[which]!
      assert.is(map.size, model.size)
      for (const [i, value] of model) assert.equal(map.getObject(this.keyOf[which]!(i)), value)
    })
  }
}

test('random loads, changes and savepoints', () => {
  let stretches = 0
  for (let run = 0; run < 20; run++) {
    const life = new Life(new Random(seed + run))
    for (let step = 0; step < 12; step++) {
      life.transaction()
      life.check()
    }
    stretches += life.stretches
  }
  assert.ok(stretches > 200, `${stretches} loads were written ahead`)
})

test.run()
