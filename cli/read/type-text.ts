/** Type descriptors as people write types. What the forms are: formats/SPEC.md. */

const MAXIMUM_DEPTH = 20

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `string`, `City`, `map(string, u32)`; what is not known is shown as its JSON. */
export function typeText(descriptor: unknown, depth = 0): string {
  if (typeof descriptor === 'string') return descriptor
  const [kind, inner] = isObject(descriptor) ? Object.entries(descriptor)[0] ?? [] : []
  if (kind === undefined || depth > MAXIMUM_DEPTH) return JSON.stringify(descriptor) ?? 'unknown'
  if (kind === 'struct') return String(inner)
  if (kind === 'self') return 'self'
  const parts = Array.isArray(inner) ? inner : [inner]
  return `${kind}(${parts.map((part) => typeText(part, depth + 1)).join(', ')})`
}

/** The same of a descriptor's own text, as it lies in a file; what is damaged stays as it is. */
export function textOfDescriptor(json: string): string {
  try {
    return typeText(JSON.parse(json))
  } catch {
    return json
  }
}
