/**
 * Random interleavings of writers, readers, snapshots, checkpoints and reopenings, against a model
 * that keeps every epoch. The log is so small that it wraps and that checkpoints overtake views.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, SegmentHeader } from '../../formats/index.js'
import { Region, t, type ReadOnlyRegion, type Snapshot } from '../../lib/index.js'
import { Place, verifyFile } from '../harness/with-region.js'
import { nextTurn } from '../harness/with-region.js'
import { printedSeed } from '../processes/random.js'

const test = suite('isolation')

type Content = Map<number, number>
type Command =
  | { do: 'transact'; handle: number; changes: [number, number][]; sync: boolean; fail: boolean }
  | { do: 'nested'; handle: number; changes: [number, number][]; fail: boolean }
  | { do: 'write'; handle: number; changes: [number, number][] }
  | {
      do: 'read' | 'look' | 'snapshot' | 'drop' | 'checkpoint' | 'reopen' | 'flush'
      handle: number
    }
  | { do: 'turn' }

const WRITERS = 2
const READERS = 2
const KEYS = 3000
/** Within the time limit, on a slow machine. */
const LEAST_RUNS = 10
const capacity = '8MiB'
const options = { logBytes: '1MiB', privateBytes: '1MiB', durability: 'none' } as const

const handle = fc.nat(7)
/** Runs of keys, so that commits touch from one page to most of them. */
const changes = fc.array(
  fc.tuple(fc.nat(KEYS - 1), fc.oneof(fc.constant(1), fc.nat(60), fc.constant(1500))),
  { minLength: 1, maxLength: 4 },
)
const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('transact' as const),
        handle,
        changes,
        sync: fc.constant(false),
        fail: fc.nat(6).map((n) => n === 0),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('nested' as const),
        handle,
        changes,
        fail: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('write' as const), handle, changes }) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constantFrom('read', 'look', 'snapshot', 'drop', 'checkpoint', 'reopen', 'flush'),
        handle,
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
)

type Handle = Region | ReadOnlyRegion

const numbersOf = (region: Handle | Snapshot) => (region as Region).map('numbers', t.u32, t.u32)
/** Blobs that fill the log: each is of one byte, which counts as the number behind those above. */
const blobsOf = (region: Handle | Snapshot) => (region as Region).map('blobs', t.u32, t.bytes)
const BLOBS = 4
const BLOB_BYTES = 150_000

function* entriesOf(region: Handle | Snapshot): Generator<[number, number]> {
  yield* numbersOf(region).entries()
  for (const [key, blob] of blobsOf(region).entries()) {
    const isOfOneByte = Buffer.compare(blob.subarray(0, -1), blob.subarray(1)) === 0
    assert.ok(isOfOneByte, 'a blob of two transactions')
    yield [KEYS + key, blob[0]!]
  }
}

const contentOf = (region: Handle | Snapshot): Content => new Map(entriesOf(region))

/** How often what the model is about took place, in all runs. */
const took = { runs: 0, overtakes: 0, wraps: 0 }

class Isolation {
  readonly path: string
  /** What each handle showed when it was looked at last. */
  private readonly lastSeen = new Map<Handle, number>()
  /** What every epoch shows. */
  private readonly epochs = new Map<number, Content>()
  private newest: Content = new Map()
  private serial = 0
  private readonly writers: Region[] = []
  private readonly readers: ReadOnlyRegion[] = []
  private readonly snapshots: { snapshot: Snapshot; content: Content }[] = []
  /** What each handle has shown in this turn. */
  private readonly shown = new Map<Handle, Content>()

  constructor(
    readonly place: Place,
    name: string,
  ) {
    this.path = place.path(name)
    Region.create(this.path, { ...options, capacity }).close()
    for (let i = 0; i < WRITERS; i++) this.writers.push(Region.open(this.path, options))
    numbersOf(this.writers[0]!)
    blobsOf(this.writers[0]!)
    for (let i = 0; i < READERS; i++) this.readers.push(this.reader())
    this.noteCommit(this.writers[0]!)
  }

  private reader(): ReadOnlyRegion {
    return Region.open(this.path, { ...options, readOnly: true })
  }

  private writer(index: number): Region {
    return this.writers[index % WRITERS]!
  }

  private handle(index: number): Handle {
    return index % 2 === 0 ? this.writer(index >> 1) : this.readers[(index >> 1) % READERS]!
  }

  private noteCommit(region: Region): void {
    this.epochs.set(region.stats().epoch, this.newest)
    this.shown.set(region, this.newest)
  }

  private apply(region: Region, into: Content, runs: readonly [number, number][]): void {
    const map = numbersOf(region)
    for (const [first, length] of runs) {
      const value = ++this.serial
      const blob = new Uint8Array(1 + first * 50 % BLOB_BYTES).fill(value)
      blobsOf(region).set(value % BLOBS, blob)
      into.set(KEYS + value % BLOBS, blob[0]!)
      const end = Math.min(KEYS, first + length)
      for (let key = first; key < end; key++) {
        if (value % 5 === 0) {
          assert.is(map.delete(key), into.delete(key))
        } else {
          map.set(key, value)
          into.set(key, value)
        }
      }
    }
  }

  private transact({ handle, changes, sync, fail }: Command & { do: 'transact' }): void {
    const region = this.writer(handle)
    const content = new Map(this.newest)
    try {
      region.transact(
        () => {
          const { size } = numbersOf(region)
          assert.is(size + blobsOf(region).size, this.newest.size, 'refreshed')
          this.apply(region, content, changes)
          if (fail) throw new Error('as meant')
        },
        { durability: sync ? 'sync' : 'none' },
      )
      this.newest = content
    } catch (error) {
      if ((error as Error).message !== 'as meant') throw error
    }
    this.noteCommit(region)
  }

  private nested({ handle, changes, fail }: Command & { do: 'nested' }): void {
    const region = this.writer(handle)
    const content = new Map(this.newest)
    region.transact(() => {
      this.apply(region, content, changes.slice(0, 1))
      const inner = new Map(content)
      try {
        region.transact(() => {
          this.apply(region, inner, changes)
          if (fail) throw new Error('as meant')
        })
        for (const key of content.keys()) if (!inner.has(key)) content.delete(key)
        for (const [key, value] of inner) content.set(key, value)
      } catch (error) {
        if ((error as Error).message !== 'as meant') throw error
      }
      this.apply(region, content, changes.slice(1, 2))
    })
    this.newest = content
    this.noteCommit(region)
  }

  private async write({ handle, changes }: Command & { do: 'write' }): Promise<void> {
    const region = this.writer(handle)
    const content = new Map(this.newest)
    await region.write(() => this.apply(region, content, changes))
    this.newest = content
    this.shown.clear()
    region.read(() => this.noteCommit(region))
  }

  private isSame(found: Content, expected: Content, what: string): void {
    assert.is(found.size, expected.size, what)
    let last = -1
    for (const [key, value] of found) {
      if (expected.get(key) !== value) {
        assert.unreachable(`${what}: ${key} is ${value} instead of ${expected.get(key)}`)
      }
      assert.ok(key > last, 'in order')
      last = key
    }
  }

  /** A view that is older than what the file holds begins again from the file. */
  private countOvertake(region: Handle): void {
    const { epoch, checkpointEpoch } = region.stats()
    const last = this.lastSeen.get(region) ?? epoch
    if (last < checkpointEpoch && last < epoch) took.overtakes++
    this.lastSeen.set(region, epoch)
  }

  /** The log began again at its front when one of its segments got a number past their count. */
  private countWrap(): void {
    if (!existsSync(`${this.path}-wal`)) return
    const log = readFileSync(`${this.path}-wal`)
    const { offset } = SegmentHeader.fields.logicalSegment
    let highest = 0n
    for (let at = 0; at < log.length; at += C.SEGMENT_BYTES) {
      const logical = log.readBigUInt64LE(at + offset)
      if (logical > highest) highest = logical
    }
    if (Number(highest) >= log.length / C.SEGMENT_BYTES) took.wraps++
  }

  /** In one turn the same, and always one epoch. */
  private look(region: Handle): void {
    const found = contentOf(region)
    this.countOvertake(region)
    const { epoch } = region.stats()
    const expected = this.shown.get(region) ?? this.epochs.get(epoch)
    assert.ok(expected !== undefined, `epoch ${epoch} was never committed`)
    this.isSame(found, expected!, `epoch ${epoch}`)
    this.shown.set(region, expected!)
  }

  async run(command: Command): Promise<void> {
    switch (command.do) {
      case 'transact':
        return this.transact(command)
      case 'nested':
        return this.nested(command)
      case 'write':
        return this.write(command)
      case 'turn':
        this.shown.clear()
        return nextTurn()
      case 'read': {
        const region = this.handle(command.handle)
        region.read(() => this.isSame(contentOf(region), this.newest, 'read()'))
        this.countOvertake(region)
        this.shown.set(region, this.newest)
        return
      }
      case 'look':
        return this.look(this.handle(command.handle))
      case 'snapshot': {
        const region = this.handle(command.handle)
        const snapshot = region.snapshot()
        this.snapshots.push({ snapshot, content: this.newest })
        this.shown.set(region, this.newest)
        return
      }
      case 'drop': {
        const [gone] = this.snapshots.splice(command.handle % Math.max(1, this.snapshots.length), 1)
        if (gone === undefined) return
        this.isSame(contentOf(gone.snapshot), gone.content, 'a snapshot')
        return gone.snapshot.close()
      }
      case 'checkpoint': {
        this.shown.clear()
        return this.writer(command.handle).checkpoint()
      }
      case 'flush': {
        this.shown.clear()
        return this.writer(command.handle).flush()
      }
      case 'reopen':
        return this.reopen(command.handle)
    }
  }

  /** Snapshots end with their handle, so those are taken from it before. */
  private reopen(handle: number): void {
    this.checkSnapshots()
    for (const { snapshot } of this.snapshots.splice(0)) snapshot.close()
    if (handle % 2 === 0) {
      this.writers[(handle >> 1) % WRITERS]!.close()
      this.writers[(handle >> 1) % WRITERS] = Region.open(this.path, options)
    } else {
      this.readers[(handle >> 1) % READERS]!.close()
      this.readers[(handle >> 1) % READERS] = this.reader()
    }
  }

  checkSnapshots(): void {
    for (const { snapshot, content } of this.snapshots) {
      this.isSame(contentOf(snapshot), content, 'a snapshot')
    }
  }

  async end(): Promise<void> {
    for (const region of [...this.writers, ...this.readers]) {
      region.read(() => this.isSame(contentOf(region), this.newest, 'in the end'))
    }
    this.checkSnapshots()
    this.countWrap()
    this.close()
    await verifyFile(this.path)
  }

  close(): void {
    for (const region of [...this.writers, ...this.readers]) region.close()
  }
}

const BIG_BYTES = 140_000
const bigOf = (region: Region) => region.map('big', t.u32, t.bytes)
const fillBig = (region: Region, count: number, byte: number): void => {
  for (let i = 0; i < count; i++) bigOf(region).set(i, new Uint8Array(BIG_BYTES).fill(byte))
}

/** Ways to write far behind what will be committed, inside of a transaction. */
const OVERSHOOTS: Record<string, (region: Region) => void> = {
  'a savepoint that fails': (region) => {
    assert.throws(() => region.transact(() => {
      fillBig(region, 4, 1)
      throw new Error('as meant')
    }), /as meant/)
  },
  'savepoints inside of one that fails': (region) => {
    assert.throws(() => region.transact(() => {
      region.transact(() => fillBig(region, 4, 1))
      OVERSHOOTS['a savepoint that fails']!(region)
      throw new Error('as meant')
    }), /as meant/)
  },
}

for (const [name, overshoot] of Object.entries(OVERSHOOTS)) {
  test(`what ${name} left behind the end hides nothing that others commit there`, async () => {
    const place = new Place()
    const path = place.path()
    for (const [count, alsoChanges] of [[4, true], [1, true], [4, false]] as const) {
      const one = place.keep(Region.create(path, { capacity: '8MiB', ...options }))
      const other = place.keep(Region.open(path, options))
      bigOf(one)
      one.transact(() => {
        if (alsoChanges) bigOf(one).set(100, new Uint8Array(10))
        overshoot(one)
      })
      await nextTurn()
      other.transact(() => fillBig(other, count, 7))
      await nextTurn()
      for (const region of [one, other]) {
        const found = [...bigOf(region).entries()]
        assert.is(found.length, count + Number(alsoChanges))
        for (const [key, bytes] of found.slice(0, count)) {
          assert.is(bytes.findIndex((byte) => byte !== 7), -1, `${name}: ${key}`)
        }
      }
      one.close()
      other.close()
      await verifyFile(path)
      rmSync(path)
    }
  })
}

test('views show one epoch each, whatever happens', async () => {
  const place = new Place()
  const seed = printedSeed()
  await fc.assert(
    fc.asyncProperty(commands, async (list) => {
      const model = new Isolation(place, `${took.runs++}.region`)
      try {
        for (const command of list) await model.run(command)
        model.checkSnapshots()
        await model.end()
      } finally {
        model.close()
      }
    }),
    { seed, numRuns: 100, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: false },
  )
  console.log(took)
  assert.ok(took.runs >= LEAST_RUNS, `${took.runs} runs`)
  assert.ok(took.overtakes > 0, 'no checkpoint has overtaken a view')
  assert.ok(took.wraps > 0, 'the log has never begun again at its front')
})

test.run()
