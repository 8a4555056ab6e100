/** Packed regions that a value names. */
import type { Pack, Spec } from './spec.js'

/** What a field gives that names a certain one; `value` is what the model has. */
export function packIn(spec: Spec, view: any, value: any, pack: number): any {
  if (value === undefined || view === undefined) return undefined
  const first = (parts: readonly [Spec, any, any][]): any => {
    for (const [part, own, expected] of parts) {
      const found = packIn(part, own, expected, pack)
      if (found !== undefined) return found
    }
    return undefined
  }
  switch (spec.kind) {
    case 'packed': return (value as Pack).pack === pack ? view : undefined
    case 'optional': return packIn(spec.inner, view, value, pack)
    case 'array': return first(value.map((own: unknown, i: number) => [spec.inner, view[i], own]))
    case 'tuple': return first(spec.parts.map((part, i) => [part, view[i], value[i]]))
    case 'map': return first(value.map(([key, own]: any[]) => [spec.value, view.get(key), own]))
    case 'struct': return first(spec.fields.map(([name, field]) =>
      [field, view[name], value[name]]))
    default: return undefined
  }
}

/** The numbers of all that are named in a model, or in a part of it. */
export function packsIn(value: any, found: Set<number>): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
  if (typeof value.pack === 'number') found.add(value.pack)
  const parts = value instanceof Map ? value.values() : Object.values(value)
  for (const part of parts) packsIn(part, found)
}
