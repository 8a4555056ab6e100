/** Where things are, seen from a compiled test. */
import { fileURLToPath } from 'node:url'

const root = new URL('../../../', import.meta.url)

/** The checkout. */
export const ROOT = fileURLToPath(root)
/** A path in the checkout, given from its top. */
export const inRoot = (path: string): string => fileURLToPath(new URL(path, root))
