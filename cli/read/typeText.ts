/** Type descriptors as people write types. */

const MAXIMUM_DEPTH = 20

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `City`, `string`, `array(u32)`; what is not known is shown as its JSON. */
export function typeText(descriptor: unknown, depth = 0): string {
  if (typeof descriptor === 'string') return descriptor
  if (!isObject(descriptor) || depth > MAXIMUM_DEPTH) return JSON.stringify(descriptor) ?? 'unknown'
  const { kind, name, ...rest } = descriptor
  if (typeof name === 'string') return name
  const inner = Object.values(rest).flat().map((part) => typeText(part, depth + 1))
  return inner.length === 0 ? String(kind) : `${String(kind)}(${inner.join(', ')})`
}
