/** What a life's region holds, in its first version and in later ones. */
import type { Schema } from './model.js'
import { keySpec, laterOf, one, structSpec, valueSpec, type Field, type Random } from './spec.js'

export function firstSchema(random: Random, isInStore: boolean): Schema {
  const base: Field[] = [
    ['id', { kind: 'u32' }], ['n', { kind: 'u8' }], ['text', { kind: 'string' }],
    ['code', { kind: 'optional', inner: { kind: 'u8' } }],
    ['words', { kind: 'map', key: { kind: 'string' }, value: { kind: 'u8' } }],
    ['next', { kind: 'optional', inner: { kind: 'ref' } }],
  ]
  if (isInStore) {
    base.push(['link', { kind: 'optional', inner: { kind: 'packed' } }],
      ['links', { kind: 'array', inner: { kind: 'packed' } }])
  }
  const { fields } = structSpec(random, 3, isInStore)
  return {
    node: { kind: 'struct', name: 'Node', fields: [...base, ...fields] },
    otherKey: keySpec(random),
    other: random(3) === 0 ? valueSpec(random, 2) : structSpec(random, 2, isInStore),
    single: valueSpec(random, 2, isInStore),
    pairs: { kind: 'multimap', key: keySpec(random), value: keySpec(random) },
    scale: one(random, [10, 40, 40, 300]),
  }
}

/** The record's number has no later version: it is the same in all of them. */
export function laterSchema(schema: Schema, random: Random): Schema {
  const node = laterOf(schema.node, random) as Schema['node']
  const [id] = schema.node.fields
  return {
    ...schema, node: { ...node, fields: [id!, ...node.fields.slice(1)] },
    other: laterOf(schema.other, random, true), single: laterOf(schema.single, random),
  }
}
