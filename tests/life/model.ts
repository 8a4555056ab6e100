/** What ought to be in a region: plain values, in which a ref is the number of a record. */
import { brought, compareKeys, type RecordLink, type Spec } from './spec.js'

export interface Entry { key: any; value: any }
/** In no order; by `keyText`. */
export type Entries = Map<string, Entry>

/** The types of all names, in one version. */
export interface Schema {
  /** Of the records that refs lead to. */
  node: Spec & { kind: 'struct' }
  otherKey: Spec
  other: Spec
  single: Spec
  pairs: Spec & { kind: 'multimap' }
  /** How many nodes there may be. */
  scale: number
}

export interface Model {
  nodes: Entries
  /** Records that `alloc` made, by numbers; a map of refs names them. */
  held: Entries
  others: Entries
  single: any
  pairs: any[][]
  nextId: number
}

export const emptyModel = (): Model => ({
  nodes: new Map(), held: new Map(), others: new Map(), single: undefined, pairs: [], nextId: 1,
})

export function keyText(key: any): string {
  if (key instanceof Date) return `date ${key.getTime()}`
  if (key instanceof Uint8Array) return `bytes ${Buffer.from(key).toString('hex')}`
  if (Array.isArray(key)) return JSON.stringify(key.map(keyText))
  return `${typeof key} ${key}`
}

export const put = (entries: Entries, key: any, value: any): void => {
  entries.set(keyText(key), { key, value })
}

export const inOrder = (entries: Entries, key: Spec): Entry[] =>
  [...entries.values()].sort((a, b) => compareKeys(key, a.key, b.key))

/** All records: what can be named. */
export const records = ({ nodes, held }: Model): Entry[] => [...nodes.values(), ...held.values()]

/** A model of one version as a later one has it. */
export function broughtModel(model: Model, from: Schema, to: Schema): void {
  const bring = (entries: Entries, earlier: Spec, later: Spec): void => {
    for (const entry of entries.values()) entry.value = brought(entry.value, earlier, later)
  }
  bring(model.nodes, from.node, to.node)
  bring(model.held, from.node, to.node)
  bring(model.others, from.other, to.other)
  if (model.single !== undefined) model.single = brought(model.single, from.single, to.single)
}

// ── refs ──

export function refersTo(spec: Spec, value: any, gone: ReadonlySet<number>): boolean {
  if (value === undefined) return false
  switch (spec.kind) {
    case 'ref': return gone.has((value as RecordLink).id)
    case 'optional': return refersTo(spec.inner, value, gone)
    case 'array': return value.some((part: unknown) => refersTo(spec.inner, part, gone))
    case 'tuple': return spec.parts.some((part, i) => refersTo(part, value[i], gone))
    case 'map': return value.some((pair: unknown[]) => refersTo(spec.value, pair[1], gone))
    case 'struct': return spec.fields.some(([name, field]) => refersTo(field, value[name], gone))
    default: return false
  }
}

/** The value without its refs to some records. */
export function without(spec: Spec, value: any, gone: ReadonlySet<number>): any {
  if (value === undefined || !refersTo(spec, value, gone)) return value
  switch (spec.kind) {
    case 'optional': {
      const left = without(spec.inner, value, gone)
      return refersTo(spec.inner, left, gone) ? undefined : left
    }
    case 'array': return value.map((part: unknown) => without(spec.inner, part, gone))
      .filter((part: unknown) => !refersTo(spec.inner, part, gone))
    case 'tuple': return spec.parts.map((part, i) => without(part, value[i], gone))
    case 'map': return value
      .map(([key, own]: unknown[]) => [key, without(spec.value, own, gone)])
      .filter(([, own]: unknown[]) => !refersTo(spec.value, own, gone))
    case 'struct': return Object.fromEntries(spec.fields.map(([name, field]) =>
      [name, without(field, value[name], gone)]))
    default: return value
  }
}
