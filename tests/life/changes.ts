/** Random changes of a region, and of the model with it. */
import * as assert from 'uvu/assert'
import { t, type WritableRegion } from '../../lib/index.js'
import { codeOf as anyCodeOf } from '../harness/types.js'
import {
  keyText, put, records, refersTo, without, type Entries, type Model, type Schema,
} from './model.js'
import { packIn } from './packs.js'
import { nodeType, type IndexPlan, type Opened } from './open.js'
import {
  compareKeys, isNumber, one, sortedPairs, typeOf, valueOf, type Pack, type Random,
  type RecordLink, type Spec,
} from './spec.js'

/** What a record of an earlier version has no room for; it must have left everything as it was. */
const REFUSED = 'RSTORE_OLD_RECORD'

/** A region that is full ends the transaction. */
export class Full extends Error {}

function codeOf(fn: () => unknown): string {
  const code = anyCodeOf(fn)
  if (code === 'RSTORE_REGION_FULL') throw new Full()
  return code
}

class Poison extends Error {
  override readonly name = 'Poison'
}

interface Setting {
  /** Whether nodes have indexes, or listeners: then they are not changed by their refs. */
  readonly isWatched: boolean
  /** Whether values are made outside of a transaction. */
  readonly isOutside?: boolean
  /** Handles of packed regions. */
  readonly packs?: ReadonlyMap<number, any>
  /** Where records are, for who has not opened all names. */
  readonly refs?: ReadonlyMap<number, number>
}

/** What the changes of one transaction work on. */
export class Changes {
  constructor(
    readonly region: WritableRegion,
    readonly opened: Opened,
    readonly model: Model,
    readonly schema: Schema,
    readonly indexes: readonly IndexPlan[],
    readonly random: Random,
    /** Whether there may be records of earlier versions. */
    readonly isLater: boolean,
    private readonly setting: Setting = { isWatched: indexes.length > 0 },
  ) {}

  private readonly link = (kind: 'ref' | 'packed'): RecordLink | Pack | undefined => {
    if (kind === 'packed') {
      const packs = [...this.setting.packs?.keys() ?? []]
      return packs.length === 0 ? undefined : { pack: one(this.random, packs) }
    }
    const all = records(this.model)
    return all.length === 0 ? undefined : { id: one(this.random, all).value.id }
  }

  private value(spec: Spec): any {
    return valueOf(spec, this.random, this.link)
  }

  private viewOf({ id }: RecordLink): any {
    const ref = this.setting.refs?.get(id)
    if (ref !== undefined) return this.region.deref(ref as never)
    for (const [name, entries] of [['nodes', this.model.nodes], ['held', this.model.held]] as const)
      for (const { key, value } of entries.values())
        if (value.id === id) return this.opened[name].get(key)
    throw new Error(`no record ${id}`)
  }

  /** What a value is written as. */
  input(spec: Spec, value: any): any {
    if (value === undefined) return undefined
    switch (spec.kind) {
      case 'ref': {
        const view = this.viewOf(value)
        return this.random(2) === 0 ? view : this.region.refOf(view)
      }
      case 'packed': {
        const packed = this.setting.packs!.get(value.pack)
        if (packed === undefined) return this.viewOfPack(value.pack)
        return this.random(2) === 0 ? packed : packed.root
      }
      case 'optional': case 'default': return this.input(spec.inner, value)
      case 'array': return this.list(spec.inner, value)
      case 'tuple': return spec.parts.map((part, i) => this.input(part, value[i]))
      case 'map': return this.shuffled(value)
        .map(([key, own]: any[]) => [key, this.input(spec.value, own)])
      case 'multimap': return this.shuffled(value)
      case 'struct': return Object.fromEntries(spec.fields.map(([name, field]) =>
        [name, this.input(field, value[name])]))
      default: return value
    }
  }

  /** A packed region that fields name, and no handle. */
  private viewOfPack(pack: number): any {
    const { node, other, single } = this.schema
    for (const [name, spec] of [['nodes', node], ['held', node], ['others', other]] as const) {
      for (const { key, value } of this.model[name].values()) {
        const found = packIn(spec, this.opened[name].get(key), value, pack)
        if (found !== undefined) return found
      }
    }
    return packIn(single, this.opened.single.get(), this.model.single, pack)
  }

  private shuffled(list: readonly any[][]): any[][] {
    const at = this.random(list.length + 1)
    return [...list.slice(at), ...list.slice(0, at)]
  }

  private list(inner: Spec, values: any[]): any {
    if (!isNumber(inner.kind) || this.random(3) > 0 || this.setting.isOutside === true) {
      return values.map((part) => this.input(inner, part))
    }
    const options = [{}, { capacity: values.length }, { capacity: values.length + 9, io: true }]
    const type = typeOf(inner, () => t.u8)
    return this.region.buildArray(type, one(this.random, options), (builder) => {
      if (this.random(2) === 0) builder.pushMany(values)
      else for (const value of values) builder.push(value)
    })
  }

  // ── maps ──

  /** Of the nodes: whether another record has what only one may have. */
  private isTaken(key: unknown, { code }: any): boolean {
    return code !== undefined && this.indexes.some(({ unique }) => unique)
      && [...this.model.nodes.values()].some((other) =>
        other.key !== key && other.value.code === code)
  }

  private newNode(id = this.model.nextId++): any {
    return { ...this.value(this.schema.node), id }
  }

  /**
   * Records that are to go are named by nobody before they do. Where nodes are watched, or there
   * are later versions, not all records that no map owns can be changed: they go, too.
   */
  private scrub(gone: Set<number>): void {
    const { node, other, single } = this.schema
    if (this.setting.isWatched || this.isLater) {
      for (const { key, value } of this.model.held.values()) {
        if (!gone.has(value.id) && refersTo(node, value, gone)) this.letGo(key, gone)
      }
    }
    for (const [name, spec] of [['nodes', node], ['held', node], ['others', other]] as const) {
      for (const entry of this.model[name].values()) {
        if (name !== 'others' && gone.has(entry.value.id)) continue
        if (!refersTo(spec, entry.value, gone)) continue
        const left = without(spec, entry.value, gone)
        if (name === 'held') this.scrubFields(entry, left, gone)
        else if (left !== undefined) this.opened[name].set(entry.key, this.input(spec, left))
        else {
          this.opened.others.delete(entry.key)
          this.model.others.delete(keyText(entry.key))
        }
        entry.value = left
      }
    }
    if (refersTo(single, this.model.single, gone)) {
      this.model.single = without(single, this.model.single, gone)
      if (this.model.single === undefined) this.opened.single.delete()
      else this.opened.single.set(this.input(single, this.model.single))
    }
  }

  private scrubFields({ key, value }: { key: any; value: any }, left: any, gone: any): void {
    const view = this.opened.held.get(key)
    for (const [name, field] of this.schema.node.fields) {
      if (refersTo(field, value[name], gone)) view[name] = this.input(field, left[name])
    }
  }

  private key(spec: Spec, entries: Entries): any {
    return entries.size > 0 && this.random(3) > 0
      ? one(this.random, [...entries.values()]).key : this.value(spec)
  }

  private nodeKey(): number {
    return this.random(this.schema.scale)
  }

  setNode(): void {
    const key = this.nodeKey()
    const old = this.model.nodes.get(keyText(key))
    const value = this.newNode(old?.value.id)
    const map = this.opened.nodes
    const input = this.input(this.schema.node, value)
    const how = this.random(4)
    if (how === 0 && old !== undefined) {
      assert.is(map.setIfAbsent(key, input), false)
      return
    }
    const write = (): unknown => how === 0 ? map.setIfAbsent(key, input)
      : how === 1 ? map.update(key, () => input)
        : how === 2 ? map.compareAndSet(key, map.getObject(key), input) : map.set(key, input)
    if (this.isTaken(key, value)) {
      assert.is(codeOf(write), 'RSTORE_UNIQUE')
      return
    }
    assert.is.not(write(), false)
    put(this.model.nodes, key, value)
  }

  /** A view given as a value is copied; what only one may have goes. */
  copyNode(): void {
    if (this.model.nodes.size === 0) return
    const from = one(this.random, [...this.model.nodes.values()])
    const key = this.nodeKey()
    const old = this.model.nodes.get(keyText(key))
    if (old === from) return this.opened.nodes.set(key, this.opened.nodes.get(key))
    const value = { ...structuredClone(from.value), id: old?.value.id ?? this.model.nextId++ }
    const source = this.random(2) === 0 ? this.opened.nodes.getObject(from.key)
      : { ...Object.fromEntries(this.schema.node.fields.map(([name]) =>
        [name, this.opened.nodes.get(from.key)[name]])) }
    value.code = undefined
    this.opened.nodes.set(key, { ...source, id: value.id, code: undefined })
    put(this.model.nodes, key, value)
  }

  deleteNode(): void {
    const key = this.nodeKey()
    const old = this.model.nodes.get(keyText(key))
    if (old !== undefined) this.scrub(new Set([old.value.id]))
    assert.is(this.opened.nodes.delete(key), old !== undefined)
    this.model.nodes.delete(keyText(key))
  }

  clearNodes(): void {
    const low = this.nodeKey()
    const high = low + this.random(10)
    const gone = [...this.model.nodes.values()].filter(({ key }) => key >= low && key < high)
    this.scrub(new Set(gone.map(({ value }) => value.id)))
    assert.is(this.opened.nodes.clear({ gte: low, lt: high }), gone.length)
    for (const { key } of gone) this.model.nodes.delete(keyText(key))
  }

  /** The input throws when some of it has been read, perhaps after another change. */
  poisonedNode(): void {
    const lists = this.schema.node.fields.filter(([, { kind }]) => /map|array/.test(kind))
    const [name, field] = one(this.random, lists)
    const input = this.input(this.schema.node, { ...this.newNode(), code: undefined })
    const given = Array.isArray(input[name]) ? input[name] : []
    const isTwice = this.random(2) === 0
    const poisoned = function* (changes: Changes): Generator<unknown> {
      yield* given
      if (isTwice) changes.setOther()
      throw new Poison()
    }
    const key = this.nodeKey()
    const entry = this.model.nodes.get(keyText(key))
    if (entry !== undefined && this.random(2) === 0) {
      const code = codeOf(() => { this.opened.nodes.get(key)[name] = poisoned(this) })
      assert.ok(code === 'Poison' || (this.isLater && code === REFUSED), `${field.kind}: ${code}`)
    } else {
      input[name] = poisoned(this)
      assert.is(codeOf(() => this.opened.nodes.set(key, input)), 'Poison')
    }
  }

  /** A record by a ref that another has. */
  changeByRef(): void {
    if (this.setting.isWatched) return
    for (const from of records(this.model)) {
      if (from.value.next === undefined || this.random(3) > 0) continue
      const { value } = records(this.model).find((to) => to.value.id === from.value.next.id)!
      this.changeFields(this.schema.node, this.viewOf(from.value).next, value, null)
      return
    }
  }

  changeNode(): void {
    if (this.model.nodes.size === 0) return
    const entry = one(this.random, [...this.model.nodes.values()])
    this.changeFields(this.schema.node, this.opened.nodes.get(entry.key), entry.value, entry.key)
  }

  // ── records of their own ──

  hold(): void {
    const key = this.random(this.schema.scale >> 1)
    if (this.model.held.has(keyText(key))) return this.letGo(key)
    const value = this.newNode()
    const ref = this.region.alloc(nodeType(this.schema), this.input(this.schema.node, value))
    this.opened.held.set(key, this.random(2) === 0 ? ref : this.region.deref(ref))
    put(this.model.held, key, value)
  }

  /** @param gone what goes at the same time */
  private letGo(key: number, gone: Iterable<number> = []): void {
    const entry = this.model.held.get(keyText(key))!
    this.scrub(new Set([...gone, entry.value.id]))
    const ref = this.region.refOf(this.opened.held.get(key))
    this.opened.held.delete(key)
    this.region.free(ref as never)
    this.model.held.delete(keyText(key))
  }

  changeHeld(): void {
    if (this.model.held.size === 0 || this.setting.isWatched) return
    const { key, value } = one(this.random, [...this.model.held.values()])
    this.changeFields(this.schema.node, this.opened.held.get(key), value, null)
  }

  // ── other names ──

  setOther(): void {
    const { otherKey, other } = this.schema
    const key = this.key(otherKey, this.model.others)
    const value = this.value(other)
    if (value === undefined) return
    this.opened.others.set(key, this.input(other, value))
    put(this.model.others, key, value)
  }

  deleteOther(): void {
    const key = this.key(this.schema.otherKey, this.model.others)
    assert.is(this.opened.others.delete(key), this.model.others.delete(keyText(key)))
  }

  changeOther(): void {
    if (this.model.others.size === 0) return
    const entry = one(this.random, [...this.model.others.values()])
    entry.value = this.changeInside(
      this.schema.other, () => this.opened.others.get(entry.key), entry.value)
  }

  setSingle(): void {
    if (this.random(4) === 0) {
      assert.is(this.opened.single.delete(), this.model.single !== undefined)
      this.model.single = undefined
      return
    }
    const value = this.value(this.schema.single)
    if (value === undefined) return
    this.opened.single.set(this.input(this.schema.single, value))
    this.model.single = value
  }

  changePairs(): void {
    const { pairs } = this.schema
    this.model.pairs = this.changeMultimap(pairs, this.opened.pairs, this.model.pairs)
  }

  // ── in place ──

  /** @param key of the node that it is; null for what no index is of, undefined inside of one */
  private changeFields(
    spec: Spec & { kind: 'struct' }, view: any, value: any, key?: number | null,
  ): void {
    const fields = spec.fields.filter(([name]) => name !== 'id')
    if (fields.length === 0) return
    const [name, field] = one(this.random, fields)
    if (this.random(2) === 0) {
      value[name] = this.changeInside(field, () => view[name], value[name])
      return
    }
    const next = this.value(field)
    const input = this.input(field, next)
    const code = codeOf(() => { view[name] = input })
    if (typeof key === 'number' && this.isTaken(key, { ...value, [name]: next })) {
      assert.ok(code === 'RSTORE_UNIQUE' || (this.isLater && code === REFUSED), code)
    } else if (code === 'nothing thrown') value[name] = next
    else assert.ok(this.isLater && code === REFUSED, `${name}: ${code}`)
  }

  /** A value where it is, if it can be; gives what it is then. */
  private changeInside(spec: Spec, read: () => any, value: any): any {
    if (value === undefined) return undefined
    switch (spec.kind) {
      case 'optional': return this.changeInside(spec.inner, read, value)
      case 'struct': this.changeFields(spec, read(), value); return value
      case 'map': return this.changeMap(spec, read(), value)
      case 'multimap': return this.changeMultimap(spec, read(), value)
      case 'array': return this.changeArray(spec.inner, read, value)
      default: return value
    }
  }

  /** An old map or array may have no room for a wider number, or take it only as a whole. */
  private hasRoom(change: () => void, refusal: string): boolean {
    if (!this.isLater) {
      change()
      return true
    }
    const code = codeOf(change)
    assert.ok(code === 'nothing thrown' || code === refusal, code)
    return code === 'nothing thrown'
  }

  private changeArray(inner: Spec, read: () => any, value: any[]): any[] {
    if (value.length === 0) return value
    const at = this.random(value.length)
    if (isNumber(inner.kind)) {
      const to = at + 1 + this.random(value.length - at)
      const next = value.slice(at, to).map(() => this.value(inner))
      const edit = (): void =>
        this.region.editArray(read(), at, to, (elements: any) => elements.set(next))
      if (!this.hasRoom(edit, 'TypeError')) return value
      return [...value.slice(0, at), ...next, ...value.slice(to)]
    }
    value[at] = this.changeInside(inner, () => read()[at], value[at])
    return value
  }

  private changeMap(spec: Spec & { kind: 'map' }, view: any, value: any[][]): any[][] {
    const there = value.length === 0 ? undefined : one(this.random, value)
    const kind = this.random(5)
    if (kind === 0 && there !== undefined) {
      assert.is(view.delete(there[0]), true)
      return value.filter((pair) => pair !== there)
    }
    if (kind === 1) {
      assert.is(view.clear(), value.length)
      return []
    }
    if (kind === 2 && there !== undefined) {
      there[1] = this.changeInside(spec.value, () => view.get(there[0]), there[1])
      return value
    }
    const next = this.value(spec.value)
    if (typeof next === 'symbol' || next === undefined) return value
    const key = kind === 3 && there !== undefined ? there[0] : this.value(spec.key)
    const input = this.input(spec.value, next)
    if (!this.hasRoom(() => view.set(key, input), 'RangeError')) return value
    return sortedPairs(spec, [...value, [key, next]])
  }

  private changeMultimap(spec: Spec & { kind: 'multimap' }, view: any, value: any[][]): any[][] {
    const there = value.length === 0 ? undefined : one(this.random, value)
    if (there !== undefined && this.random(3) === 0) {
      const all = this.random(2) === 0
      const goes = (pair: any[]): boolean => compareKeys(spec.key, pair[0], there[0]) === 0
        && (all || pair === there)
      assert.is(view.remove(there[0], all ? undefined : there[1]), value.filter(goes).length)
      return value.filter((pair) => !goes(pair))
    }
    const key = there !== undefined && this.random(2) === 0 ? there[0] : this.value(spec.key)
    const next = this.value(spec.value)
    const pairs = sortedPairs(spec, [...value, [key, next]])
    assert.is(view.add(key, next), pairs.length > value.length)
    return pairs
  }

  // ── some of them ──

  /** What needs no other names than these. */
  inPart(names: readonly (keyof Opened)[]): void {
    const name = one(this.random, names)
    const from = name === 'nodes' || name === 'held' ? [...this.model[name].values()] : []
    if (from.length > 0 && this.random(2) === 0) {
      const { key, value } = one(this.random, from)
      const to = records(this.model).find((other) => other.value.id === value.next?.id)
      if (to === undefined) return
      const view = this.opened[name].get(key).next
      return this.changeFields(this.schema.node, view, to.value, null)
    }
    const kinds = {
      nodes: 'changeNode', held: 'changeHeld', others: this.random(2) ? 'setOther' : 'changeOther',
      single: 'setSingle', pairs: 'changePairs',
    } as const
    this[kinds[name]]()
  }

  any(): void {
    const kinds = ['setNode', 'setNode', 'setNode', 'changeNode', 'changeNode', 'changeNode',
      'copyNode', 'deleteNode', 'poisonedNode', 'changeByRef', 'hold', 'hold', 'changeHeld',
      'setOther', 'setOther', 'changeOther', 'deleteOther', 'setSingle', 'changePairs',
      'changePairs'] as const
    try {
      this.oneOf(kinds)
    } catch (error) {
      if ((error as { code?: string }).code === 'RSTORE_REGION_FULL') throw new Full()
      throw error
    }
  }

  private oneOf(kinds: readonly (keyof Changes & string)[]): void {
    if (this.random(40) === 0) this.clearNodes()
    else (this[one(this.random, kinds)] as () => void)()
  }
}
