/**
 * A region with a map of records that have maps and multimaps in them, a multimap, and indexes by a
 * field, several and a function, against a model: through savepoints, rollback, snapshots and
 * reopening.
 */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Region, type Snapshot } from '../../lib/index.js'
import { Place } from '../harness/with-region.js'
import { verifyWhole } from '../harness/verify.js'
import { printedSeed } from '../processes/random.js'

const test = suite('map: region model')
const seed = printedSeed()

const Town = t.struct('Town', {
  name: t.string, size: t.u16, streets: t.map(t.u8, t.string), pairs: t.multimap(t.u8, t.i8),
})
interface PlainTown { name: string; size: number; streets: [number, string][]; pairs: Pair[] }
type Pair = [number, number]
interface Model { towns: Map<number, PlainTown>; pairs: Pair[] }

const CHANGES = ['set', 'set', 'delete', 'size', 'name', 'street', 'street', 'noStreet', 'pair',
  'noPair', 'add', 'add', 'remove', 'clear'] as const
const ENDS = ['commit', 'commit', 'abort', 'begin', 'begin', 'release', 'undo', 'snapshot',
  'reopen'] as const
interface Command {
  do: (typeof CHANGES)[number] | (typeof ENDS)[number]
  key: number
  n: number
  text: string
}
const command: fc.Arbitrary<Command> = fc.record({
  do: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...CHANGES) },
    { weight: 1, arbitrary: fc.constantFrom(...ENDS) }),
  key: fc.nat(12),
  n: fc.nat(9),
  text: fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('', 'long '.repeat(80))),
})

class Undone extends Error {}

function open(either: Region | Snapshot) {
  const region = either as Region
  const towns = region.map('towns', t.u32, Town) as any
  const pairs = region.multimap('pairs', t.u8, t.i8) as any
  return { towns, pairs }
}

function declare(region: Region) {
  const { towns, pairs } = open(region)
  return {
    towns, pairs,
    bySize: towns.index('size', 'size'),
    byBoth: towns.index('both', ['name', 'size']),
    byCount: towns.index('count', (town: any) => town.streets.size || undefined, { key: t.u8 }),
  }
}
type Opened = ReturnType<typeof declare>

const withPair = (pairs: Pair[], [key, value]: Pair): Pair[] =>
  [...withoutPair(pairs, [key, value]), [key, value] as Pair].sort(([a, b], [c, d]) =>
    a - c || b - d)
const withoutPair = (pairs: Pair[], [key, value]: Pair): Pair[] =>
  pairs.filter(([a, b]) => a !== key || b !== value)
const byKey = <V>(list: [number, V][]): [number, V][] => list.sort(([a], [b]) => a - b)

type Apply = (opened: Opened, model: Model, command: Command) => void

/** A change of a town that is there. */
const ofTown = (change: (view: any, town: PlainTown, command: Command) => void): Apply =>
  ({ towns }, model, command) => {
    const town = model.towns.get(command.key)
    assert.is(towns.has(command.key), town !== undefined)
    if (town !== undefined) change(towns.get(command.key), town, command)
  }

const apply: Record<(typeof CHANGES)[number], Apply> = {
  set({ towns }, model, { key, n, text }) {
    const town: PlainTown =
      { name: text, size: n, streets: [[1, text], [n + 2, 'x']], pairs: [[n, -n]] }
    towns.set(key, town)
    model.towns.set(key, town)
  },
  delete({ towns }, model, { key }) {
    assert.is(towns.delete(key), model.towns.delete(key))
  },
  size: ofTown((view, town, { n }) => { view.size = town.size = n }),
  name: ofTown((view, town, { text }) => { view.name = town.name = text }),
  street: ofTown((view, town, { n, text }) => {
    view.streets.set(n, text)
    town.streets = byKey([...town.streets.filter(([key]) => key !== n), [n, text]])
  }),
  noStreet: ofTown((view, town, { n }) => {
    view.streets.clear({ gte: n })
    town.streets = town.streets.filter(([key]) => key < n)
  }),
  pair: ofTown((view, town, { n, text }) => {
    view.pairs.add(n, text.length % 7)
    town.pairs = withPair(town.pairs, [n, text.length % 7])
  }),
  noPair: ofTown((view, town, { n }) => {
    view.pairs.remove(n)
    town.pairs = town.pairs.filter(([key]) => key !== n)
  }),
  add({ pairs }, model, { key, n }) {
    pairs.add(key, n)
    model.pairs = withPair(model.pairs, [key, n])
  },
  remove({ pairs }, model, { key, n }) {
    pairs.remove(key, n)
    model.pairs = withoutPair(model.pairs, [key, n])
  },
  clear({ towns }, model, { key, n }) {
    towns.clear({ gte: key, lt: key + n })
    for (const own of [...model.towns.keys()])
      if (own >= key && own < key + n) model.towns.delete(own)
  },
}

const isChange = (name: string): name is (typeof CHANGES)[number] => Object.hasOwn(apply, name)

const sorted = ({ towns }: Model): [number, PlainTown][] => byKey([...towns])

function compare({ towns, pairs }: ReturnType<typeof open>, model: Model): void {
  const plain = (town: any): PlainTown => ({
    name: town.name, size: town.size, streets: [...town.streets], pairs: [...town.pairs],
  })
  assert.equal([...towns].map(([key, town]: any) => [key, plain(town)]), sorted(model))
  assert.equal([...pairs], model.pairs)
  assert.is(pairs.size, model.pairs.length)
}

function compareIndexes({ bySize, byBoth, byCount }: Opened, model: Model): void {
  const towns = sorted(model)
  const keysBy = (order: (a: PlainTown, b: PlainTown) => number): number[] =>
    [...towns].sort(([, a], [, b]) => order(a, b)).map(([key]) => key)
  const text = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
  assert.equal([...bySize.keys()], keysBy((a, b) => a.size - b.size))
  assert.equal([...byBoth.keys()], keysBy((a, b) => text(a.name, b.name) || a.size - b.size))
  assert.equal([...byCount.range({ gte: 2 })].map((town: any) => town.streets.size),
    towns.map(([, { streets }]) => streets.length).filter((count) => count >= 2)
      .sort((a, b) => a - b))
}

/** A region under commands, and what ought to be in it. */
class Run {
  readonly place = new Place()
  region = this.place.create({ capacity: '16MiB' })
  opened = declare(this.region)
  model: Model = { towns: new Map(), pairs: [] }
  held: { snapshot: Snapshot; model: Model } | undefined

  constructor(private rest: Command[]) {}

  async all(): Promise<void> {
    try {
      while (this.rest.length > 0) {
        const end = this.transaction()
        compare(this.opened, this.model)
        compareIndexes(this.opened, this.model)
        if (end === 'snapshot') this.hold()
        else if (end === 'reopen') this.reopen()
      }
      this.letGo()
      await verifyWhole(this.region)
    } finally {
      this.place.close()
    }
  }

  /** Up to the command that ends it, which it gives; what is undone is undone in the model. */
  private transaction(): string {
    const saved = structuredClone(this.model)
    let end = 'commit'
    try {
      this.region.transact(() => {
        while (this.rest.length > 0) {
          const next = this.rest.shift()!
          if (isChange(next.do)) apply[next.do](this.opened, this.model, next)
          else if (next.do === 'begin') this.transaction()
          else {
            end = next.do
            if (end === 'abort' || end === 'undo') throw new Undone()
            return
          }
        }
      })
    } catch (error) {
      if (!(error instanceof Undone)) throw error
      this.model = saved
    }
    return end
  }

  private hold(): void {
    this.letGo()
    this.held = { snapshot: this.region.snapshot(), model: structuredClone(this.model) }
  }

  /** A snapshot shows what was there when it was taken. */
  private letGo(): void {
    if (this.held === undefined) return
    compare(open(this.held.snapshot), this.held.model)
    this.held.snapshot.close()
    this.held = undefined
  }

  private reopen(): void {
    this.letGo()
    this.region.close()
    this.region = this.place.open()
    this.opened = declare(this.region)
    compare(this.opened, this.model)
    compareIndexes(this.opened, this.model)
  }
}

test('nested maps, multimaps and indexes in a region', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 20, maxLength: 250, size: 'max' }),
      (commands) => new Run(commands.map((one) => ({ ...one }))).all()),
    {
      seed, numRuns: 60, interruptAfterTimeLimit: 6000, markInterruptAsFailure: false,
      includeErrorInReport: true,
    },
  )
})

test.run()
