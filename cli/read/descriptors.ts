/** Type descriptors taken apart. What the forms are: formats/SPEC.md. A file may hold any JSON. */

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export type DescriptorParts =
  | { kind: 'enum'; labels: string[] }
  | { kind: 'ref' | 'packed' | 'default' | 'optional' | 'array'; inner: unknown }
  | { kind: 'map' | 'multimap'; key: unknown; value: unknown }
  /** A struct has a name, a tuple has numbers for its fields. */
  | { kind: 'fields'; name: string | undefined; fields: [name: string, type: unknown][] }

const isField = (value: unknown): value is [string, unknown] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string'

function fieldsParts(descriptor: Readonly<Record<string, unknown>>): DescriptorParts | undefined {
  const { struct, fields, tuple } = descriptor
  if (Array.isArray(tuple)) {
    const numbered = tuple.map((type, i): [string, unknown] => [String(i), type])
    return { kind: 'fields', name: undefined, fields: numbered }
  }
  if (typeof struct !== 'string' || !Array.isArray(fields)) return undefined
  return fields.every(isField) ? { kind: 'fields', name: struct, fields } : undefined
}

/** undefined: a simple type, which is a string, or nothing that is known. */
export function descriptorParts(descriptor: unknown): DescriptorParts | undefined {
  if (!isObject(descriptor)) return undefined
  for (const kind of ['ref', 'packed', 'default', 'optional', 'array'] as const) {
    if (Object.hasOwn(descriptor, kind)) return { kind, inner: descriptor[kind] }
  }
  for (const kind of ['map', 'multimap'] as const) {
    const types = descriptor[kind]
    if (Array.isArray(types)) return { kind, key: types[0], value: types[1] }
  }
  const labels = descriptor['enum']
  if (Array.isArray(labels)) return { kind: 'enum', labels: labels.map(String) }
  return fieldsParts(descriptor)
}
