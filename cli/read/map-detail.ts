/** One name of a region in detail: its levels, its fill, its keys and values. */
import { C, NodeHeader } from '../../formats/index.js'
import type { CatalogName } from './catalog.js'
import { blobIn, cellAt } from './cells.js'
import type { Node } from './node.js'
import { PageSet } from './page-set.js'
import type { RegionImage } from './region.js'
import { isInLeaf } from './shapes.js'
import { walkMultimap, walkTree, type TreeShape } from './tree.js'
import type { TypeTable } from './type-table.js'
import { keyText } from './values.js'

/** Sizes in bytes, and how many there are of each power of two. */
export interface Sizes {
  count: number
  bytes: number
  smallest: number
  largest: number
  /** `powers[i]` of at most 2^i bytes, and of more than 2^(i − 1). */
  powers: number[]
}

export interface LevelDetail {
  /** 0: the leaves. */
  level: number
  nodes: number
  keys: number
  bytes: number
  usedBytes: number
}

export interface MapDetail {
  name: string
  kind: CatalogName['kind']
  keyType: string
  valueType: string
  rootRef: number
  shape: TreeShape
  /** From the root to the leaves. */
  levels: LevelDetail[]
  /** Leaves by tenths of their bytes in use. */
  leafFill: number[]
  keys: Sizes & { first: string | undefined; last: string | undefined; spilled: number }
  /** Of cells that entries own; undefined where values are in the leaves. */
  values: Sizes | undefined
}

const noSizes = (): Sizes => ({ count: 0, bytes: 0, smallest: 0, largest: 0, powers: [] })

function addSize(sizes: Sizes, bytes: number): void {
  sizes.smallest = sizes.count === 0 ? bytes : Math.min(sizes.smallest, bytes)
  sizes.largest = Math.max(sizes.largest, bytes)
  sizes.count++
  sizes.bytes += bytes
  const power = Math.ceil(Math.log2(Math.max(1, bytes)))
  while (sizes.powers.length <= power) sizes.powers.push(0)
  sizes.powers[power]!++
}

const DECILES = 10

class DetailWalk {
  readonly levels: LevelDetail[] = []
  readonly leafFill = new Array<number>(DECILES).fill(0)
  readonly keys: MapDetail['keys'] = { ...noSizes(), first: undefined, last: undefined, spilled: 0 }
  readonly values: Sizes | undefined

  /** @param ownsCells whether the values are in cells of their own */
  constructor(
    private readonly image: RegionImage,
    private readonly keyType: unknown,
    ownsCells: boolean,
    private readonly onProgress: (node: number) => void,
  ) {
    this.values = ownsCells ? noSizes() : undefined
  }

  private nodes = 0

  visit = (node: Node): void => {
    this.onProgress(++this.nodes)
    const level = this.levels[node.level] ??= {
      level: node.level, nodes: 0, keys: 0, bytes: 0, usedBytes: 0,
    }
    const used = NodeHeader.bytes + node.entries.usedBytes
    level.nodes++
    level.keys += node.count
    level.bytes += node.bytes.length
    level.usedBytes += used
    if (node.isInner) return
    this.leafFill[Math.min(DECILES - 1, Math.floor(used / node.bytes.length * DECILES))]!++
    for (let i = 0; i < node.count; i++) this.addEntry(node, i)
  }

  private addEntry(node: Node, index: number): void {
    const { keys, values, image } = this
    const key = node.entries.key(index)
    addSize(keys, 'spill' in key ? key.bytes : key.length)
    if ('spill' in key) keys.spilled++
    if (keys.first === undefined) keys.first = this.textOf(node, key)
    this.last = { node, key }
    const value = node.entries.value(index)
    if (values === undefined || value.length !== 4) return
    const cell = cellAt(image, value.readUInt32LE())
    if (typeof cell !== 'string') addSize(values, cell.units * C.UNIT_BYTES)
  }

  private last: { node: Node; key: ReturnType<Node['entries']['key']> } | undefined

  private textOf(node: Node, key: ReturnType<Node['entries']['key']>): string {
    const bytes = 'spill' in key ? blobIn(this.image, key.spill, C.TYPE_SPILL) : Buffer.from(key)
    return typeof bytes === 'string' ? bytes : keyText(bytes, this.keyType, node.keyBytes > 0)
  }

  finish(): void {
    if (this.last !== undefined) this.keys.last = this.textOf(this.last.node, this.last.key)
  }
}

/** What keys of a tree are: those of an index are pairs. */
export function treeKeyType(types: TypeTable, { kind, keyType, valueType }: CatalogName): unknown {
  const key = types.descriptorOf(keyType)
  return kind === 'index' ? { tuple: [key, types.descriptorOf(valueType)] } : key
}

/** `onProgress` gets the nodes visited. Of a multimap the keys are looked at, not their values. */
export function inspectMap(
  image: RegionImage, types: TypeTable, entry: CatalogName,
  onProgress: (nodes: number) => void = () => {},
): MapDetail {
  const { name, kind, root, keyType, valueType } = entry
  const value = types.descriptorOf(valueType)
  const ownsCells = kind === 'map' && value !== undefined && !isInLeaf(value)
  const walk = new DetailWalk(image, treeKeyType(types, entry), ownsCells, onProgress)
  const where = `${kind} ${JSON.stringify(name)}`
  const shape = kind === 'multimap'
    ? walkMultimap(image, root, where, walk.visit, new PageSet(), () => {})
    : walkTree(image, root, where, walk.visit)
  walk.finish()
  return {
    name,
    kind,
    keyType: types.nameOf(keyType),
    valueType: types.nameOf(valueType),
    rootRef: root,
    shape,
    levels: walk.levels.filter((level) => level !== undefined).reverse(),
    leafFill: walk.leafFill,
    keys: walk.keys,
    values: walk.values,
  }
}
