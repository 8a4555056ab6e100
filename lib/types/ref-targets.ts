/**
 * Which structs the refs of a stored type lead to. A record of theirs may be named by refs that
 * nobody can find from it, and so must not move.
 */
import { STANDARD_MAKERS, typeFromText } from './descriptor.js'
import type { AnyType } from './type.js'

/** Their names: all versions of a struct have the same. */
export function refTargetsOf(descriptorText: string): ReadonlySet<string> {
  const finds: (() => AnyType)[] = []
  typeFromText(descriptorText, {
    ...STANDARD_MAKERS,
    ref(find) {
      finds.push(find)
      return STANDARD_MAKERS.ref(find)
    },
  })
  const targets = finds.map((find) => find())
  return new Set(targets.flatMap(({ kind, name }) => kind === 'struct' ? [name!] : []))
}
