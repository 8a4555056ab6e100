/** The life of a region in a store, whose records name packed regions. */
import { cpSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { Store, type Region } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { until } from '../harness/until.js'
import type { Place } from '../harness/with-region.js'
import { packLink, packedFiles, packedIds } from '../store/shapes.js'
import { Life } from './life.js'
import { broughtModel } from './model.js'
import { packsIn } from './packs.js'
import { laterSchema } from './schemas.js'
import { one, type Random } from './spec.js'

const IN_STORE = ['transaction', 'transaction', 'write', 'bulkLoad', 'snapshot', 'reopen',
  'checkpoint', 'compact', 'compactInPlace', 'aborted', 'renameAndBack', 'dropOthers', 'rebuild',
  'many'] as const

export class StoreLife extends Life {
  private dir = temporaryDirectory()
  private store: Store
  private readonly ids = new Map<number, number>()
  private count = 0

  constructor(place: Place, random: Random) {
    super(place, random, true)
    this.store = place.keep(Store.open(this.dir, { create: true }))
  }

  protected override begin(): Region {
    return this.openRegion()
  }

  protected override openRegion(): Region {
    return this.store.region('live', { durability: 'none', ...this.options() })
  }

  protected override closeAll(): void {
    this.handles.length = 0
    this.packs.clear()
    this.store.close()
    this.store = this.place.keep(Store.open(this.dir))
  }

  protected override get eventNames(): readonly string[] {
    return [...IN_STORE, 'pack', 'pack', 'forget', 'laterInStore', 'crashOfStore', 'backupOfStore',
      'settle', 'settle', 'settle']
  }

  protected override transaction(): void {
    while (this.packs.size < 3) this.pack()
    super.transaction()
  }

  private pack(): void {
    const n = this.count++
    const packed = packLink(this.store, null, `pack ${n}`)
    this.packs.set(n, packed)
    this.ids.set(n, this.store.idOf(packed))
  }

  private forget(): void {
    if (this.packs.size === 0) return
    const n = one(this.random, [...this.packs.keys()])
    this.packs.get(n).close()
    this.packs.delete(n)
  }

  private laterInStore(): void {
    if (this.version > 3) return this.reopen()
    const before = this.schema
    this.letGoOfSnapshots()
    this.closeAll()
    this.schema = laterSchema(before, this.random)
    this.version++
    broughtModel(this.model, before, this.schema)
    this.add(this.openRegion())
  }

  private goOnInFolder(dir: string): void {
    this.letGoOfSnapshots()
    this.dir = dir
    this.closeAll()
    this.add(this.openRegion())
  }

  private async crashOfStore(): Promise<void> {
    await this.handles[0]!.region.checkpoint()
    this.transaction()
    const dir = temporaryDirectory()
    cpSync(this.dir, dir, { recursive: true })
    this.goOnInFolder(dir)
  }

  private async backupOfStore(): Promise<void> {
    const dir = temporaryDirectory()
    await this.store.backup(dir)
    this.goOnInFolder(dir)
  }

  private named(): number[] {
    const found = new Set(this.packs.keys())
    packsIn(this.model, found)
    return [...found].map((n) => this.ids.get(n)!).sort((a, b) => a - b)
  }

  private async settle(): Promise<void> {
    this.letGoOfSnapshots()
    await this.handles[0]!.region.checkpoint()
    const wanted = this.named()
    await until(`only ${wanted} are left`, () => packedIds(this.store).length === wanted.length)
    assert.equal(packedIds(this.store), wanted)
    assert.equal((await this.store.verify()).problems, [])
  }

  protected override async check(): Promise<void> {
    await super.check()
    const there = new Set(packedFiles(this.dir))
    assert.equal(this.named().filter((id) => !there.has(id)), [], 'deleted while named')
  }

  override async run(steps: number): Promise<void> {
    Object.assign(this.events, {
      pack: () => this.pack(), forget: () => this.forget(),
      laterInStore: () => this.laterInStore(), crashOfStore: () => this.crashOfStore(),
      backupOfStore: () => this.backupOfStore(), settle: () => this.settle(),
    })
    await super.run(steps)
  }
}
