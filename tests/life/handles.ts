/** The open handles of a life, the model beside them, and the transactions that both go through. */
import { isDeepStrictEqual } from 'node:util'
import * as assert from 'uvu/assert'
import type { Region, Snapshot } from '../../lib/index.js'
import { verifyWhole } from '../harness/verify.js'
import type { Place } from '../harness/with-region.js'
import { Changes, Full } from './changes.js'
import { emptyModel, put, type Model, type Schema } from './model.js'
import {
  checkAll, checkIndex, declare, indexesOf, openAll, refsNow, type Opened,
} from './open.js'
import { readSome } from './reads.js'
import { firstSchema } from './schemas.js'
import { one, sortedPairs, valueOf, type Random } from './spec.js'

export class Undone extends Error {}

interface Handle {
  readonly region: Region
  readonly opened: Opened
  readonly indexes: Map<string, any>
  /** What a listener was told of the nodes since the last transaction. */
  readonly told: Map<number, string>
}

export abstract class Handles {
  protected model: Model = emptyModel()
  protected schema: Schema
  protected version = 0
  protected files = 0
  protected steps = 0
  protected declared: Set<string>
  protected handles: Handle[] = []
  /** Of a store: handles of packed regions. */
  protected readonly packs = new Map<number, any>()
  protected readonly held: { snapshot: Snapshot; model: Model; schema: Schema }[] = []
  /** What was done, for who looks for the reason of a failure. */
  readonly log: string[] = []

  protected readonly capacity: '1MiB' | '64MiB'
  protected readonly isListening: boolean

  constructor(
    protected readonly place: Place, protected readonly random: Random, isInStore = false,
  ) {
    this.schema = firstSchema(random, isInStore)
    this.capacity = this.schema.scale === 300 && random(3) === 0 ? '1MiB' : '64MiB'
    this.declared = new Set(indexesOf(this.schema).map(({ name }) => name)
      .filter((name) => name === 'code' || random(2) === 0))
    if (random(3) === 0) this.declared.clear()
    this.isListening = random(3) === 0
  }

  protected begin(): Region {
    return this.place.create(this.options(), this.fresh())
  }

  protected openRegion(): Region {
    return this.place.open(this.options(), this.name)
  }

  protected options(): object {
    return {
      capacity: this.capacity, logBytes: one(this.random, ['1MiB', '4MiB']),
      privateBytes: one(this.random, ['1MiB', '64MiB']),
    }
  }

  protected get name(): string {
    return `${this.files}.region`
  }

  /** The name of the next file. */
  protected fresh(): string {
    this.files++
    return this.name
  }

  protected get plans() {
    return indexesOf(this.schema).filter(({ name }) => this.declared.has(name))
  }

  protected add(region: Region): void {
    const opened = openAll(region, this.schema)
    const indexes = new Map(this.plans.map((plan) => [plan.name, declare(opened.nodes, plan)]))
    const told = new Map<number, string>()
    if (this.isListening) {
      opened.nodes.on('change', ({ key, kind }: any) => told.set(key, kind))
    }
    this.handles.push({ region, opened, indexes, told })
  }

  protected get handle(): Handle {
    return one(this.random, this.handles)
  }

  protected closeAll(): void {
    for (const { region } of this.handles.splice(0)) region.close()
  }

  /** All goes on in another file. */
  protected goOnIn(name: string): void {
    this.letGoOfSnapshots()
    this.closeAll()
    assert.is(name, this.name)
    this.add(this.place.open(this.options(), name))
  }

  // ── transactions ──

  protected changes(handle: Handle, isOutside = false): Changes {
    return new Changes(handle.region, handle.opened, this.model, this.schema, this.plans,
      this.random, this.version > 0,
      { isOutside, isWatched: this.plans.length > 0 || this.isListening, packs: this.packs })
  }

  protected some(handle: Handle, count: number): void {
    const changes = this.changes(handle)
    for (let i = 0; i < count; i++) {
      if (this.random(12) === 0) this.attempt(handle, () => this.some(handle, this.random(8)))
      else changes.any()
    }
  }

  /** What is undone in the region is undone in the model. */
  protected attempt(handle: Handle, body: () => void): void {
    const saved = structuredClone(this.model)
    const fails = this.random(4) === 0
    try {
      handle.region.transact(() => {
        body()
        if (this.random(10) === 0) this.checkThrough(handle)
        if (fails) throw new Undone()
      })
    } catch (error) {
      this.expectEnd(error)
      Object.assign(this.model, saved)
    }
  }

  protected expectEnd(error: unknown): void {
    const { code } = error as { code?: string }
    if (!(error instanceof Undone || error instanceof Full || code === 'RSTORE_REGION_FULL')) {
      throw error
    }
  }

  /** The listener was told of what is another node now, and whether it is there. */
  protected checkTold({ told }: Handle, before: Model['nodes']): void {
    if (!this.isListening) return
    const { nodes } = this.model
    for (const name of new Set([...before.keys(), ...nodes.keys()])) {
      const [was, is] = [before.get(name), nodes.get(name)]
      const { key } = (was ?? is)!
      if (isDeepStrictEqual(was, is)) continue
      assert.is(told.get(key), is === undefined ? 'delete' : 'set', `told of ${key}`)
    }
    told.clear()
  }

  protected transaction(): void {
    const { handle } = this
    const before = structuredClone(this.model.nodes)
    handle.told.clear()
    this.attempt(handle, () => this.some(handle, this.random(Math.max(30, this.schema.scale))))
    if (this.model.nodes.size === before.size && isDeepStrictEqual(this.model.nodes, before)) return
    this.checkTold(handle, before)
  }

  protected async write(): Promise<void> {
    const { handle } = this
    const results = Array.from({ length: 1 + this.random(3) }, () => {
      return handle.region.write(() => {
        const saved = structuredClone(this.model)
        try {
          this.some(handle, this.random(8))
          if (this.random(4) === 0) throw new Undone()
        } catch (error) {
          Object.assign(this.model, saved)
          throw error
        }
      }).catch((error: unknown) => this.expectEnd(error))
    })
    await Promise.all(results)
  }

  protected async bulkLoad(): Promise<void> {
    const { handle, schema, model, random } = this
    const make = (): any[] => [valueOf(schema.otherKey, random, () => undefined),
      valueOf(schema.other, random, () => undefined)]
    const pairs = sortedPairs({ kind: 'map', key: schema.otherKey, value: schema.other },
      Array.from({ length: random(30) }, make)
        .filter(([, value]) => value !== undefined && typeof value !== 'symbol'))
    const isAsync = random(3) === 0
    const changes = this.changes(handle, isAsync)
    const inputs = function* (): Generator<any[]> {
      for (const [key, value] of pairs) yield [key, changes.input(schema.other, value)]
    }
    const source = isAsync ? (async function* () { yield* inputs() })() : inputs()
    assert.is(await handle.opened.others.bulkLoad(source), pairs.length)
    for (const [key, value] of pairs) put(model.others, key, value)
  }

  // ── what happens ──

  protected checkThrough({ region, opened, indexes }: Handle): void {
    region.read(() => {
      const refs = refsNow(region, opened)
      checkAll(opened, this.model, this.schema, refs)
      readSome(opened, this.model, this.schema, this.random, refs)
      for (const plan of this.plans) {
        const index = indexes.get(plan.name)
        if (index !== undefined) checkIndex(index, plan, this.model)
      }
    })
  }

  protected async check(): Promise<void> {
    for (const handle of this.handles) this.checkThrough(handle)
    await verifyWhole(this.handles[0]!.region)
  }

  protected takeSnapshot(): void {
    if (this.held.length > 2) return this.letGoOfSnapshots()
    const { region } = this.handle
    this.held.push({
      snapshot: region.snapshot(), model: structuredClone(this.model), schema: this.schema,
    })
  }

  protected letGoOfSnapshots(): void {
    for (const { snapshot, model, schema } of this.held.splice(0)) {
      checkAll(openAll(snapshot, schema), model, schema, { now: new Map() })
      snapshot.close()
    }
  }
}
