/** Random programs against a model of reachability: what is named stays, and nothing else. */
import { cpSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Store, type Packed } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { until } from '../harness/until.js'
import { packedFiles, packedIds, packLink, slotsOf } from './shapes.js'

const test = suite('stores: model')

const LIVE = ['live a', 'live b']
const SLOTS = 4

/** What a program does next; `x` and `y` choose among what there is. */
const Step = fc.record({
  kind: fc.constantFrom(
    'pack',
    'pack',
    'assign',
    'assign',
    'assign',
    'move',
    'clear',
    'rollback',
    'savepoint',
    'close',
    'close',
    'take',
    'release',
    'drop',
    'settle',
    'reopen',
    'crash',
  ),
  x: fc.nat(1000),
  y: fc.nat(1000),
})
type StepKind =
  | 'pack'
  | 'assign'
  | 'move'
  | 'clear'
  | 'rollback'
  | 'savepoint'
  | 'close'
  | 'take'
  | 'release'
  | 'drop'
  | 'settle'
  | 'reopen'
  | 'crash'

class Program {
  dir = temporaryDirectory()
  store = Store.open(this.dir, { create: true })
  /** What each packed region names, 0 for nothing. */
  readonly nextOf = new Map<number, number>()
  readonly names = new Map<string, number>()
  readonly fields = new Map<string, number>()
  handles: { packed: Packed<any>; id: number }[] = []
  private nameCount = 0

  private id(packed: Packed<any>): number {
    return this.store.idOf(packed)
  }

  private pick<T>(from: readonly T[], at: number): T | undefined {
    return from[at % Math.max(1, from.length)]
  }

  pack(x: number, y: number): void {
    const next = y % 3 === 0 ? undefined : this.pick(this.handles, y)
    const name = x % 2 === 0 ? null : `name ${this.nameCount++}`
    const packed = packLink(this.store, name, 'link', next?.packed)
    const id = this.id(packed)
    this.nextOf.set(id, next?.id ?? 0)
    if (name !== null) this.names.set(name, id)
    this.handles.push({ packed, id })
  }

  private change(x: number, slot: number, link: Packed<any> | undefined): void {
    slotsOf(this.store.region(LIVE[x % 2]!)).set(slot, { link })
  }

  assign(x: number, y: number): void {
    const handle = this.pick(this.handles, y)
    if (handle === undefined) return
    const slot = (x >> 1) % SLOTS
    this.store.region(LIVE[x % 2]!).transact(() => {
      this.change(x, slot, handle.packed)
      if (y % 4 === 0) handle.packed.close()
    })
    if (y % 4 === 0) this.handles.splice(this.handles.indexOf(handle), 1)
    this.fields.set(`${x % 2} ${slot}`, handle.id)
  }

  /** What one field gives is set in another; often they are in different regions. */
  move(x: number, y: number): void {
    const from = slotsOf(this.store.region(LIVE[y % 2]!)).get(y % SLOTS)?.link
    const slot = (x >> 1) % SLOTS
    const id = this.fields.get(`${y % 2} ${y % SLOTS}`)
    assert.is(from === undefined, id === undefined)
    const region = this.store.region(LIVE[x % 2]!)
    region.transact(() => slotsOf(region).set(slot, { link: from }))
    if (id === undefined) this.fields.delete(`${x % 2} ${slot}`)
    else this.fields.set(`${x % 2} ${slot}`, id)
  }

  clear(x: number, y: number): void {
    const region = this.store.region(LIVE[x % 2]!)
    const slot = y % SLOTS
    region.transact(() => {
      slotsOf(region).delete(slot)
    })
    this.fields.delete(`${x % 2} ${slot}`)
  }

  rollback(x: number, y: number): void {
    const region = this.store.region(LIVE[x % 2]!)
    assert.throws(() => region.transact(() => this.fail(x, y)), /on purpose/)
  }

  /** Names this and that, in vain. */
  private fail(x: number, y: number): never {
    for (let slot = 0; slot < SLOTS; slot++) {
      this.change(x, slot, this.pick(this.handles, y + slot)?.packed)
    }
    throw new Error('on purpose')
  }

  /** Clears, sets and takes that back, then sets: the list's cells come and go. */
  savepoint(x: number, y: number): void {
    const region = this.store.region(LIVE[x % 2]!)
    const handle = this.pick(this.handles, y)
    const slot = (x >> 1) % SLOTS
    region.transact(() => {
      this.change(x, slot, undefined)
      assert.throws(() => region.transact(() => this.fail(x, y + 1)), /on purpose/)
      if (y % 2 === 0) this.change(x, slot, handle?.packed)
    })
    this.fields.delete(`${x % 2} ${slot}`)
    if (y % 2 === 0 && handle !== undefined) this.fields.set(`${x % 2} ${slot}`, handle.id)
  }

  close(x: number): void {
    const [handle] = this.handles.splice(x % Math.max(1, this.handles.length), 1)
    handle?.packed.close()
  }

  take(x: number): void {
    const name = this.pick([...this.names.keys()], x)
    if (name === undefined) return
    const packed = this.store.packed(name)
    this.handles.push({ packed, id: this.id(packed) })
  }

  release(x: number): void {
    const name = this.pick([...this.names.keys()], x)
    if (name === undefined) return
    assert.ok(this.store.release(name))
    this.names.delete(name)
  }

  drop(x: number): void {
    this.store.drop(LIVE[x % 2]!)
    for (let slot = 0; slot < SLOTS; slot++) this.fields.delete(`${x % 2} ${slot}`)
  }

  async settle(): Promise<void> {
    const wanted = this.reachable()
    await until(`only ${wanted} are left`, () => packedIds(this.store).length === wanted.length)
    assert.equal(packedIds(this.store), wanted)
    assert.equal(packedFiles(this.dir), wanted)
    assert.equal((await this.store.verify()).problems, [])
  }

  async reopen(): Promise<void> {
    this.handles = []
    this.store.close()
    this.store = Store.open(this.dir)
  }

  /** The folder as a kill would leave it at this moment. */
  async crash(x: number): Promise<void> {
    const dir = temporaryDirectory()
    for (const name of LIVE) if (x % 2 === 0) await this.store.region(name).checkpoint()
    cpSync(this.dir, dir, { recursive: true })
    this.store.close()
    this.handles = []
    this.dir = dir
    this.store = Store.open(dir)
  }

  reachable(): number[] {
    const found = new Set<number>()
    const roots = [
      ...this.names.values(),
      ...this.fields.values(),
      ...this.handles.map(({ id }) => id),
    ]
    for (let id = roots.pop(); id !== undefined; id = roots.pop()) {
      if (id === 0 || found.has(id)) continue
      found.add(id)
      roots.push(this.nextOf.get(id)!)
    }
    return [...found].sort((a, b) => a - b)
  }

  /** At any moment: nothing is gone that is named. */
  check(): void {
    const there = new Set(packedFiles(this.dir))
    assert.equal(
      this.reachable().filter((id) => !there.has(id)),
      [],
      'deleted while named',
    )
  }
}

test('what is named stays, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(Step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const program = new Program()
      try {
        for (const { kind, x, y } of steps) {
          await program[kind as StepKind](x, y)
          program.check()
        }
        await program.settle()
        await program.reopen()
        await program.settle()
      } finally {
        program.store.close()
      }
    }),
    {
      numRuns: Number(process.env['RSTORE_RUNS'] ?? 25),
      interruptAfterTimeLimit: Number(process.env['RSTORE_SECONDS'] ?? 60) * 1000,
    },
  )
})

test.run()
