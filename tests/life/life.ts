/** The life of a region: transactions, and what happens to its file between them. */
import { copyFileSync, existsSync, rmSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { readWreckage } from '../../cli/read/wreckage.js'
import {
  evacuateInTurns, Packed, Pool, Region, salvage, t, type WritableRegion,
} from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { dumpOf, loadInto } from '../harness/dump.js'
import { verifyWhole } from '../harness/verify.js'
import { nextTurn, verifyFile } from '../harness/with-region.js'
import { Changes } from './changes.js'
import { check } from './compare.js'
import { Handles, Undone } from './handles.js'
import { broughtModel, records } from './model.js'
import { checkAll, declare, indexesOf, nodeType, openAll, refsNow } from './open.js'
import { laterSchema } from './schemas.js'
import { compareKeys, one, sortedPairs, valueOf } from './spec.js'

/** What goes on in another file, or with other handles. */
const MOVES = new Set(['later', 'laterInPart', 'compactTo', 'backup', 'evacuate', 'throughBlocks',
  'dumpAndLoad', 'packAndThaw', 'repair', 'crash'])

export class Life extends Handles {
  protected get eventNames(): readonly string[] {
    return Object.keys(this.events)
  }

  protected reopen(): void {
    this.letGoOfSnapshots()
    this.closeAll()
    this.add(this.openRegion())
  }

  protected another(): void {
    if (this.handles.length <= 2) return this.add(this.openRegion())
    this.letGoOfSnapshots()  // that handle's among them
    this.handles.shift()!.region.close()
  }

  /** A program of the next version comes, while one of this one goes on. */
  protected later(): void {
    if (this.version > 3) return this.reopen()
    const before = this.schema
    const old = this.handles.splice(0)
    const next = laterSchema(before, this.random)
    const declared = [...this.declared]
    for (const { name } of indexesOf(next)) {
      if (this.declared.size > 0 && this.random(4) === 0) this.declared.add(name)
    }
    this.schema = next
    this.add(this.openRegion())
    const later = [...this.declared]
    this.schema = before
    this.declared = new Set(declared)
    const saved = structuredClone(this.model)
    try {
      const handle = one(this.random, old)
      handle.region.read(() => checkAll(handle.opened, this.model, before, { now: new Map() }))
      this.attempt(handle, () => this.some(handle, this.random(10)))
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'RSTORE_TYPE_MISMATCH' && code !== 'RSTORE_INDEX_NOT_DECLARED') throw error
      Object.assign(this.model, saved)
    }
    this.letGoOfSnapshots()
    for (const { region } of old) region.close()
    this.version++
    this.schema = next
    this.declared = new Set(later)
    broughtModel(this.model, before, this.schema)
  }

  /** A program of the next version that needs a part of the names. */
  protected async laterInPart(): Promise<void> {
    if (this.version > 3 || this.declared.size > 0 || this.isListening) return this.reopen()
    const { region: last, opened } = this.handle
    const { now } = last.read(() => refsNow(last, opened))
    this.letGoOfSnapshots()
    this.closeAll()
    const before = this.schema
    this.schema = laterSchema(before, this.random)
    this.version++
    broughtModel(this.model, before, this.schema)
    const region = this.openRegion()
    const names = (['nodes', 'held', 'others', 'single', 'pairs'] as const)
      .filter(() => this.random(2) === 0)
    if (names.length === 0) names.push('held')
    const handle = {
      region, opened: openAll(region, this.schema, names), indexes: new Map<string, any>(),
      told: new Map<number, string>(),
    }
    const changes = new Changes(region, handle.opened, this.model, this.schema, [], this.random,
      true, { isWatched: false, refs: now })
    this.log.push(names.join('+'))
    region.transact(() => {
      for (let i = this.random(20); i >= 0; i--) changes.inPart(names)
    })
    this.handles.push(handle)
    await verifyWhole(region)
    const next = one(this.random, ['reopen', 'dumpAndLoad', 'evacuate', 'compactTo', 'backup',
      'packAndThaw', 'throughBlocks', 'repair'])
    this.log.push(next)
    await this.events[next]!()
  }

  protected renameAndBack(): void {
    const { handle } = this
    handle.region.transact(() => {
      handle.region.renameMap('nodes', 'others than before')
      this.some(handle, this.random(5))
      handle.region.renameMap('others than before', 'nodes')
    })
  }

  protected dropOthers(): void {
    const { handle } = this
    this.attempt(handle, () => {
      assert.is(handle.region.dropMap('others'), true)
      this.model.others.clear()
      openAll(handle.region, this.schema)
      this.some(handle, this.random(10))
    })
  }

  /** What is dumped takes its own place; records that only refs name are others then. */
  protected loadOverItself(): void {
    const { region, opened } = this.handle
    const before = region.read(() => Array.from(opened.held.values(), (view) => region.refOf(view)))
    try {
      loadInto(region, dumpOf(region))
    } catch (error) {
      // the dump is of names as they are stored, which this program would bring to later versions
      if ((error as { code?: string }).code === 'RSTORE_TYPE_MISMATCH' && this.version > 0) return
      throw error
    }
    region.transact(() => before.forEach((ref) => region.free(ref)))
  }

  /** What one record reaches, in a region of its own. */
  protected async evacuateOne(): Promise<void> {
    const { region, opened } = this.handle
    const entry = [...this.model.nodes.values()][this.random(8)]
    if (entry === undefined) return
    const { id } = entry.value
    const name = `${this.files}.${this.steps}.copy`
    const target = this.place.create(this.options(), name)
    const type = nodeType(this.schema)
    target.transact(() => region.read(() => {
      target.value('one', t.ref(() => type)).set(
        region.evacuate(target, region.refOf(opened.nodes.get(entry.key))) as never)
    }))
    const known = new Map(records(this.model).map(({ value }) => [value.id, value]))
    target.read(() => {
      const waiting = [target.value('one', t.ref(() => type)).get() as any]
      const now = new Map<number, number>()
      const met = (view: any): number => {
        const ref = target.refOf(view)
        if (!now.has(view.id)) {
          now.set(view.id, ref)
          waiting.push(view)
        }
        return ref
      }
      assert.is(waiting[0].id, id)
      for (let view = waiting.pop(); view !== undefined; view = waiting.pop()) {
        check(this.schema.node, view, known.get(view.id), { now, refOf: met }, `copy of ${view.id}`)
      }
    })
    await verifyWhole(target)
    target.close()
    rmSync(this.place.path(name))
  }

  protected rebuild(): void {
    const { region, indexes } = this.handle
    region.transact(() => { for (const index of indexes.values()) index.rebuild() })
  }

  protected async compactAndWrite(): Promise<void> {
    const { region } = this.handle
    const other = this.handle.region
    const copied = region.compact()
    const written = this.write()
    await Promise.all([copied, written, other.verify()])
  }

  /** A map of several levels. */
  protected async many(): Promise<void> {
    const { handle, schema, random, model } = this
    const link = (): undefined => undefined
    handle.region.transact(() => {
      for (let i = random(400); i >= 0; i--) {
        const [key, value] = [valueOf(schema.pairs.key, random, link),
          valueOf(schema.pairs.value, random, link)]
        handle.opened.pairs.add(key, value)
        model.pairs.push([key, value])
      }
      model.pairs = sortedPairs(schema.pairs, model.pairs)
      if (model.pairs.length < 200) return
      const gone = model.pairs.slice(random(100), 200)
      for (const [key] of gone) handle.opened.pairs.remove(key)
      const [first, last] = [gone[0]![0], gone.at(-1)![0]]
      const order = (a: unknown, b: unknown): number => compareKeys(schema.pairs.key, a, b)
      model.pairs = model.pairs.filter(([key]) => order(key, first) < 0 || order(key, last) > 0)
    })
  }

  protected async killed(): Promise<void> {
    const child = new Child('dist/tests/life/killed-child.js', [this.place.path(this.name)])
    await child.expect()
    const reads = this.handles.map((handle) => this.checkThrough(handle))
    assert.is(reads.length, this.handles.length)
    await child.kill()
  }

  protected async aborted(): Promise<void> {
    const { handle } = this
    const abort = new AbortController()
    const steps = this.random(300)
    let told = 0
    const onProgress = (): void => { if (told++ >= steps) abort.abort(new Undone()) }
    setTimeout(() => abort.abort(new Undone()), this.random(20))
    await handle.region.compact(undefined, { signal: abort.signal, onProgress })
      .catch((error: unknown) => { if (!(error instanceof Undone)) throw error })
  }

  protected async atOnce(): Promise<void> {
    const backup = this.place.path(`${this.files}.${this.steps}.backup`)
    const { region } = this.handle
    const other = this.handle.region
    await Promise.all([
      region.backup(backup), other.checkpoint(), this.write(), this.handle.region.verify(),
      region.compact(undefined, { inPlace: true }), this.write(), other.flush(),
    ])
    await verifyFile(backup)
    rmSync(backup)
  }

  protected async checkpoint(): Promise<void> {
    await this.handle.region.checkpoint()
  }

  protected async compact(): Promise<void> {
    await this.handle.region.compact()
  }

  protected async compactInPlace(): Promise<void> {
    await this.handle.region.compact(undefined, { inPlace: true })
  }

  protected async compactTo(): Promise<void> {
    const { region } = this.handle
    const name = this.fresh()
    await region.compact(this.place.path(name))
    this.goOnIn(name)
  }

  protected async backup(): Promise<void> {
    const { region } = this.handle
    const name = this.fresh()
    await region.backup(this.place.path(name))
    this.goOnIn(name)
  }

  protected evacuate(): void {
    const { region } = this.handle
    const name = this.fresh()
    const target = this.place.create(this.options(), name)
    target.transact(() => region.read(() => region.evacuate(target)))
    target.close()
    this.goOnIn(name)
  }

  protected async throughBlocks(): Promise<void> {
    const { region } = this.handle
    const name = this.fresh()
    const blocks = Pool.default.region()
    region.read(() => region.evacuate(blocks))
    this.changeIn(blocks)
    assert.equal((await blocks.verify()).problems, [])
    const target = this.place.create(this.options(), name)
    target.transact(() => blocks.evacuate(target))
    blocks.free()
    target.close()
    this.goOnIn(name)
  }

  /** Where there are no transactions. */
  protected changeIn(region: WritableRegion): void {
    const opened = openAll(region, this.schema)
    checkAll(opened, this.model, this.schema, refsNow(region, opened))
    for (const plan of this.plans) declare(opened.nodes, plan)
    const changes = new Changes(region, opened, this.model, this.schema, this.plans, this.random,
      this.version > 0)
    for (let i = this.random(20); i >= 0; i--) changes.any()
    checkAll(opened, this.model, this.schema, refsNow(region, opened))
  }

  protected dumpAndLoad(): void {
    const { region } = this.handle
    const name = this.fresh()
    const target = this.place.create(this.options(), name)
    loadInto(target, dumpOf(region))
    target.close()
    this.goOnIn(name)
  }

  protected async packAndThaw(): Promise<void> {
    const { region } = this.handle
    const [packedName, name] = [`${this.files}.packed`, this.fresh()]
    const Names = t.struct('Names', { names: t.array(t.string) })
    const snapshot = region.snapshot()
    const packed = await Region.pack(this.place.path(packedName), { root: Names },
      async (target) => {
        await evacuateInTurns(snapshot, target)
        this.changeIn(target)
        return { names: ['nodes'] }
      })
    snapshot.close()
    checkAll(openAll(packed, this.schema), this.model, this.schema, { now: new Map() })
    await verifyWhole(packed as never)
    packed!.close()
    await Packed.thaw(this.place.path(packedName), this.place.path(name))
    this.goOnIn(name)
    this.handles[0]!.region.transact(() => {
      assert.is(this.handles[0]!.region.dropMap('root'), true)
    })
  }

  protected async repair(): Promise<void> {
    const from = this.place.path(this.name)
    this.letGoOfSnapshots()
    this.closeAll()
    const name = this.fresh()
    const { image, capacityBytes } = readWreckage(from)
    const saved = await salvage(this.place.path(name), image, {
      capacity: capacityBytes!, like: from,
    })
    assert.equal([saved.lostRefs, saved.lostEntries, saved.lostTypes], [0, 0, []])
    for (const { lost, damaged, madeUp } of saved.names) {
      assert.equal([lost, damaged, madeUp], [0, false, false])
    }
    this.goOnIn(name)
  }

  /** As all processes end at once, one of them in a transaction. */
  protected async crash(): Promise<void> {
    const { handle } = this
    await handle.region.checkpoint()
    this.transaction()
    const from = this.place.path(this.name)
    const name = this.fresh()
    const saved = structuredClone(this.model)
    try {
      handle.region.transact(() => {
        this.some(handle, this.random(30))
        for (const suffix of ['', '-wal']) {
          if (existsSync(from + suffix)) copyFileSync(from + suffix, this.place.path(name) + suffix)
        }
        throw new Undone()
      })
    } catch (error) {
      if (!(error instanceof Undone)) throw error
      Object.assign(this.model, saved)
    }
    this.goOnIn(name)
  }

  protected readonly events: Record<string, () => void | Promise<void>> = {
    transaction: () => this.transaction(),
    write: () => this.write(),
    bulkLoad: () => this.bulkLoad(),
    snapshot: () => this.takeSnapshot(),
    reopen: () => this.reopen(),
    another: () => this.another(),
    later: () => this.later(),
    laterInPart: () => this.laterInPart(),
    checkpoint: () => this.checkpoint(),
    compact: () => this.compact(),
    compactInPlace: () => this.compactInPlace(),
    compactTo: () => this.compactTo(),
    backup: () => this.backup(),
    evacuate: () => this.evacuate(),
    throughBlocks: () => this.throughBlocks(),
    dumpAndLoad: () => this.dumpAndLoad(),
    packAndThaw: () => this.packAndThaw(),
    repair: () => this.repair(),
    crash: () => this.crash(),
    renameAndBack: () => this.renameAndBack(),
    dropOthers: () => this.dropOthers(),
    killed: () => this.random(3) === 0 ? this.killed() : undefined,
    aborted: () => this.aborted(),
    atOnce: () => this.atOnce(),
    loadOverItself: () => this.loadOverItself(),
    evacuateOne: () => this.evacuateOne(),
    rebuild: () => this.rebuild(),
    compactAndWrite: () => this.compactAndWrite(),
    many: () => this.many(),
  }

  /** False when the region is too full for it to go on in another file. */
  protected async happens(name: string): Promise<boolean> {
    const saved = structuredClone(this.model)
    try {
      await this.events[name]!()
      return true
    } catch (error) {
      if (this.capacity !== '1MiB') throw error
      this.expectEnd(error)
      Object.assign(this.model, saved)
      return !MOVES.has(name)
    }
  }

  async run(steps: number): Promise<void> {
    const names = this.eventNames
    this.add(this.begin())
    for (; this.steps < steps; this.steps++) {
      const name = this.random(2) === 0 ? 'transaction' : one(this.random, names)
      this.log.push(name)
      if (!await this.happens(name)) break
      await this.check()
      if (this.random(3) === 0) await nextTurn()
    }
    this.letGoOfSnapshots()
    this.closeAll()
  }
}
