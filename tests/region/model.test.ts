/** Maps of every key family against a sorted model, through commit, rollback, close and reopen. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t, type RMap, type Type } from '../../lib/index.js'
import { Place, verifyFile } from '../harness/with-region.js'
import { printedSeed } from '../processes/random.js'

const test = suite('region model')

type Command<K> =
  | { do: 'set'; key: K; value: string }
  | { do: 'fill'; keys: K[]; value: string }
  | { do: 'delete'; key: K }
  | { do: 'clear'; from: K; to: K }
  | { do: 'get' | 'range'; key: K }
  | { do: 'begin' | 'release' | 'rollback' | 'commit' | 'abort' | 'reopen' }

class Aborted extends Error {}

function commandsOf<K>(key: fc.Arbitrary<K>): fc.Arbitrary<Command<K>[]> {
  const value = fc.oneof(fc.string({ maxLength: 10 }), fc.constant('long '.repeat(300)))
  return fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), key, value }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('fill' as const),
          keys: fc.array(key, { minLength: 50, maxLength: 300 }),
          value,
        }),
      },
      { weight: 5, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('clear' as const), from: key, to: key }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constantFrom('get' as const, 'range' as const), key }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constantFrom('begin' as const, 'release' as const, 'rollback' as const),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constantFrom(
            'commit' as const,
            'commit' as const,
            'abort' as const,
            'reopen' as const,
          ),
        }),
      },
    ),
    { minLength: 20, maxLength: 120, size: 'max' },
  )
}

class MapModel<K> {
  private region: Region
  private map: RMap<K, string, string>
  private content = new Map<K, string>()

  constructor(
    readonly path: string,
    readonly type: Type<K, any>,
    readonly compare: (a: K, b: K) => number,
  ) {
    this.region = Region.create(path, { capacity: '16MiB', durability: 'none', logBytes: '1MiB' })
    this.map = this.region.map('map', type, t.string)
  }

  /** Commands from `at` on until one ends what is open at this depth; gives the index behind it. */
  run(commands: readonly Command<K>[]): void {
    for (let at = 0; at < commands.length;) at = this.transaction(commands, at)
    this.check()
  }

  private transaction(commands: readonly Command<K>[], at: number): number {
    const before = new Map(this.content)
    let next = at
    try {
      this.region.transact(() => {
        next = this.level(commands, at, 0)
      })
    } catch (error) {
      if (!(error instanceof Aborted)) throw error
      this.content = before
      next = this.stopped
    }
    const last = commands[next - 1]
    if (last?.do === 'reopen') this.reopen()
    return next
  }

  private stopped = 0

  private level(commands: readonly Command<K>[], from: number, depth: number): number {
    for (let at = from; at < commands.length; at++) {
      const command = commands[at]!
      const ends =
        command.do === 'commit' ||
        command.do === 'reopen' ||
        (depth > 0 && command.do === 'release')
      if (ends) return command.do === 'release' || depth === 0 ? at + 1 : at
      if (command.do === 'abort' || (depth > 0 && command.do === 'rollback')) {
        this.stopped = at + 1
        throw new Aborted(command.do)
      }
      if (command.do === 'begin') at = this.savepoint(commands, at + 1, depth + 1) - 1
      else this.step(command)
    }
    return commands.length
  }

  private savepoint(commands: readonly Command<K>[], from: number, depth: number): number {
    const before = new Map(this.content)
    try {
      let next = from
      this.region.transact(() => {
        next = this.level(commands, from, depth)
      })
      return next
    } catch (error) {
      if (!(error instanceof Aborted) || error.message === 'abort') throw error
      this.content = before
      return this.stopped
    }
  }

  private step(command: Command<K>): void {
    const { map, content } = this
    switch (command.do) {
      case 'set':
        map.set(command.key, command.value)
        content.set(command.key, command.value)
        return
      case 'fill':
        for (const key of command.keys) {
          map.set(key, command.value)
          content.set(key, command.value)
        }
        return
      case 'delete':
        assert.is(map.delete(command.key), content.delete(command.key))
        return
      case 'clear':
        return this.clear(command.from, command.to)
      case 'get':
        assert.is(map.get(command.key), content.get(command.key))
        return
      case 'range':
        assert.equal(
          [...map.keys({ gte: command.key, limit: 5 })],
          this.sorted()
            .filter((key) => this.compare(key, command.key) >= 0)
            .slice(0, 5),
        )
    }
  }

  private clear(a: K, b: K): void {
    const [from, to] = this.compare(a, b) <= 0 ? [a, b] : [b, a]
    const gone = this.sorted().filter(
      (key) => this.compare(key, from) >= 0 && this.compare(key, to) < 0,
    )
    assert.is(this.map.clear({ gte: from, lt: to }), gone.length)
    for (const key of gone) this.content.delete(key)
  }

  private sorted(): K[] {
    return [...this.content.keys()].sort(this.compare)
  }

  private check(): void {
    assert.is(this.map.size, this.content.size)
    assert.equal(
      [...this.map.entries()],
      this.sorted().map((key) => [key, this.content.get(key)!]),
    )
  }

  private reopen(): void {
    this.region.close()
    this.region = Region.open(this.path, { durability: 'none', logBytes: '1MiB' })
    this.map = this.region.map('map', this.type, t.string)
    this.check()
  }

  async end(): Promise<void> {
    this.region.close()
    await verifyFile(this.path)
  }
}

const byNumber = (a: number | bigint, b: number | bigint): number => (a < b ? -1 : Number(a > b))
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const families = {
  u32: [t.u32, fc.oneof(fc.nat(2000), fc.nat(2 ** 32 - 1)), byNumber],
  f64: [
    t.f64,
    fc.oneof(
      fc.nat(500),
      fc.double({ noNaN: true }).map((x) => (x === 0 ? 0 : x)),
    ),
    byNumber,
  ],
  u64: [t.u64, fc.oneof(fc.bigInt(0n, 1000n), fc.bigInt(0n, 2n ** 64n - 1n)), byNumber],
  string: [
    t.string,
    fc.oneof(
      fc.nat(800).map((n) => `shared prefix of many keys ${n}`),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.nat(20).map((n) => 'long key '.repeat(100) + n),
    ),
    byBytes,
  ],
} as const

const seed = printedSeed()

for (const [name, [type, key, compare]] of Object.entries(families)) {
  test(`keys of type ${name}`, async () => {
    const place = new Place()
    let runs = 0
    let count = 0
    await fc.assert(
      fc.asyncProperty(commandsOf(key as fc.Arbitrary<unknown>), async (commands) => {
        const model = new MapModel(
          place.path(`${runs++}.region`),
          type as Type<unknown>,
          compare as (a: unknown, b: unknown) => number,
        )
        model.run(commands)
        count += commands.length
        await model.end()
      }),
      {
        seed,
        numRuns: 70,
        interruptAfterTimeLimit: 4000,
        markInterruptAsFailure: false,
        includeErrorInReport: true,
      },
    )
    console.log(`${name}: ${runs} runs, ${count} commands`)
  })
}

test.run()
