/** Makes and opens trees. */
import { C } from '../../formats/index.js'
import { type Ref, wordIndexOf } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { BranchingTree } from './branching.js'
import { TreeF64 } from './fixed-f64.js'
import { TreeU32 } from './fixed-u32.js'
import { TreeU64 } from './fixed-u64.js'
import type { KeyForms, KeyKind } from './keys.js'
import { FIRST_CHILD, HEAD, HEAP, headOf, throwCorrupt, WIDTHS, widthsOf } from './node.js'
import { TreeBytes } from './slotted.js'

/** Bytes of a root that holds little: a nested map's. */
export const SMALL_ROOT_BYTES = 256

export interface NewTree {
  /** Type id of the root's cell. */
  readonly typeId: number
  readonly valueBytes: 0 | 4 | 8
  /** PAGE_BYTES, or at most SMALL_ROOT_BYTES. */
  readonly rootBytes: number
}

export interface TreeOptions {
  /** For tests: keys that a node may have, at least 4. */
  readonly maximumEntries?: number
}

const KEY_BYTES = { u32: 4, f64: 8, u64: 8, bytes: 0 } as const

/**
 * Makes an empty tree and gives the ref of its root, good for ever. Throws what Space.allocate
 * throws.
 */
export function createTree(space: Space, kind: KeyKind, tree: NewTree): Ref {
  const { typeId, valueBytes, rootBytes } = tree
  const isPage = rootBytes === C.PAGE_BYTES
  const root = isPage ? space.allocatePage(typeId) : space.allocate(rootBytes - 8, typeId)
  const { u32 } = space.windowOf(root)
  const at = wordIndexOf(root)
  const slotted = kind === 'bytes'
  const units = u32[at]! & C.CELL_SIZE_MASK
  space.mark(root, 32)
  u32.fill(0, at + HEAD, at + FIRST_CHILD + 1)
  u32[at + HEAD] = headOf(slotted ? C.NODE_LEAF_SLOTTED : C.NODE_LEAF_FIXED, 0, 0)
  u32[at + WIDTHS] = widthsOf(KEY_BYTES[kind], valueBytes)
  if (slotted) u32[at + HEAP] = units * 8
  return root
}

/**
 * Opens the tree at a root that `createTree` gave. Throws RSTORE_CORRUPT when there is none with
 * such keys.
 */
export function openTree<Kind extends KeyKind>(
  space: Space,
  kind: Kind,
  root: Ref,
  { maximumEntries = 0xffff }: TreeOptions = {},
): BranchingTree<KeyForms[Kind]> {
  const widths = space.windowOf(root).u32[wordIndexOf(root) + WIDTHS]!
  const valueBytes = valueBytesOf(space, root)
  if ((widths & 0xff) !== KEY_BYTES[kind] || ![0, 4, 8].includes(valueBytes)) {
    throwCorrupt(space, root, root)
  }
  const tree: unknown = new CLASSES[kind](space, root, valueBytes, maximumEntries)
  return tree as BranchingTree<KeyForms[Kind]>
}

/** As the first leaf says: the values of an inner node are its children. */
function valueBytesOf(space: Space, root: Ref): number {
  let node: number = root
  let at = wordIndexOf(node)
  let { u32 } = space.windowOf(node)
  for (let level = (u32[at + HEAD]! >>> 8) & 0xff; level > 0; level--) {
    node = u32[at + FIRST_CHILD]!
    const window = space.windows[node >>> 28]
    if (window === undefined) throwCorrupt(space, root, node)
    u32 = window.u32
    at = wordIndexOf(node)
    if (((u32[at + HEAD]! >>> 8) & 0xff) !== level - 1) throwCorrupt(space, root, node)
  }
  return (u32[at + WIDTHS]! >>> 8) & 0xff
}

const CLASSES = { u32: TreeU32, f64: TreeF64, u64: TreeU64, bytes: TreeBytes } as const
