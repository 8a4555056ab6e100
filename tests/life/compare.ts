/** Whether what a region gives is what a model has. */
import { isDeepStrictEqual } from 'node:util'
import type { Spec } from './spec.js'

/** The ref of a view, where one can be told, and that of a record now. */
export interface Refs {
  refOf?(view: any): number
  deref?(ref: number): any
  readonly now: ReadonlyMap<number, number>
}

export class Different extends Error {}

const short = (value: unknown): string => {
  const text = typeof value === 'object' && value !== null
    ? JSON.stringify(value, (_, own: unknown) => typeof own === 'bigint' ? `${own}n` : own)
    : String(value)
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length})` : text
}

function differ(path: string, actual: unknown, expected: unknown): never {
  throw new Different(`${path}: ${short(actual)} instead of ${short(expected)}`)
}

function checkList(
  spec: Spec, actual: ArrayLike<any>, expected: any[], refs: Refs, path: string,
): void {
  if (actual.length !== expected.length) differ(`${path}.length`, actual.length, expected.length)
  expected.forEach((part, i) => check(spec, actual[i], part, refs, `${path}[${i}]`))
}

function checkPairs(
  spec: Spec & { kind: 'map' | 'multimap' }, actual: any, expected: any[][], refs: Refs,
  path: string,
): void {
  const size = actual.size ?? actual.length
  if (size !== expected.length) differ(`${path}.size`, size, expected.length)
  const parts = [spec.key, spec.value]
  let i = 0
  for (const pair of actual) {
    parts.forEach((part, n) => check(part, pair[n], expected[i]![n], refs, `${path}#${i}/${n}`))
    i++
  }
  if (i !== expected.length) differ(`${path}: entries`, i, expected.length)
}

/** A plain copy has numbers. */
function checkRef(found: any, id: number, refs: Refs, path: string): void {
  const view = typeof found === 'number' ? refs.deref!(found) : found
  if (view?.id !== id) differ(`${path}: the record of a ref`, view?.id, id)
  if (refs.refOf === undefined) return
  const ref = refs.refOf(view)
  if (ref !== refs.now.get(id)) differ(`${path}: ref`, ref, refs.now.get(id))
}

/** Throws where they differ. */
export function check(spec: Spec, actual: any, expected: any, refs: Refs, path: string): void {
  if (actual === undefined || expected === undefined) {
    if (actual !== expected) differ(path, actual, expected)
    return
  }
  switch (spec.kind) {
    case 'ref': return checkRef(actual, expected.id, refs, path)
    case 'packed': {
      const title = `pack ${expected.pack}`
      return actual.title === title ? undefined : differ(path, actual.title, title)
    }
    case 'optional': case 'default': return check(spec.inner, actual, expected, refs, path)
    case 'array': return checkList(spec.inner, actual, expected, refs, path)
    case 'tuple': return spec.parts.forEach((part, i) =>
      check(part, actual[i], expected[i], refs, `${path}[${i}]`))
    case 'map': case 'multimap': return checkPairs(spec, actual, expected, refs, path)
    case 'struct': return spec.fields.forEach(([name, field]) =>
      check(field, actual[name], expected[name], refs, `${path}.${name}`))
    case 'bytes':
      return Buffer.compare(actual, expected) === 0 ? undefined : differ(path, actual, expected)
    default: if (!isDeepStrictEqual(actual, expected)) differ(path, actual, expected)
  }
}
