/** S2: the names of a damaged region, and what each is of. */
import { C } from '../../../formats/index.js'
import { entryTypesOf, ROOT_NAME } from '../../map/directory.js'
import { MULTIMAP } from '../../map/multimap.js'
import { PAGE_UNITS, wordIndexOf } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import { simpleTypes } from '../../types/descriptor.js'
import { TextKey } from '../../types/keys.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import type { AnyType } from '../../types/type.js'
import type { SalvageCopy } from './copy.js'
import type { CatalogCell, Wreck } from './wreck.js'

export interface FoundEntry {
  readonly name: string
  readonly madeUp: boolean
  readonly kind: number
  readonly root: Ref
  readonly keyType: AnyType | undefined
  readonly valueType: AnyType | undefined
  readonly auxiliary: Ref
}

const text = new TextKey()

const unnamedEntry = (type: AnyType, root: Ref): Omit<FoundEntry, 'name' | 'madeUp'> =>
  ({ ...entryTypesOf(type), root, auxiliary: 0 as Ref })

export class FoundNames {
  readonly entries: readonly FoundEntry[]
  private madeUp = 0
  private readonly taken = new Set<string>()

  constructor(private readonly wreck: Wreck, copy: SalvageCopy) {
    const cells = wreck.catalogCells()
    const refs = new Set<number>(cells.map(({ ref }) => ref))
    const found = new Map<number, string>()
    for (const [key, ref] of copy.smallEntries('bytes', C.CATALOG_PAGE, (ref) => refs.has(ref))) {
      found.set(ref, text.decode(key as never))
    }
    const entries = cells.map((cell) => this.entryOf(cell, found.get(cell.ref) ?? cell.name))
    const roots = new Set<number>(entries.map(({ root }) => root))
    this.entries = [...entries, ...this.packedRoot(roots), ...this.nameless(roots)]
  }

  /** The root of a packed region gets the name that it has when it is thawed. */
  private packedRoot(roots: Set<number>): FoundEntry[] {
    const { cells, image, registry, space } = this.wreck
    const root = image.root as Ref
    const type = roots.has(root) || !cells.has(root) ? undefined
      : registry.byId.get(space.typeIdOf(root))
    if (type === undefined) return []
    roots.add(root)
    return [this.nameOf(ROOT_NAME, unnamedEntry(type, root))]
  }

  makeUpName(): string {
    let name: string
    do name = `recovered ${++this.madeUp}`
    while (this.taken.has(name))
    return name
  }

  /** Maps and multimaps that began with a page, as those with a name do, and are not of `roots`. */
  private nameless(roots: ReadonlySet<number>): FoundEntry[] {
    const { cells, registry } = this.wreck
    const found: FoundEntry[] = []
    for (const [id, type] of registry.byId) {
      if (!(type instanceof MapType || type instanceof MultimapType)) continue
      for (const root of cells.refsOf(id)) {
        if (roots.has(root) || !this.isNamed(type, root)) continue
        found.push(this.nameOf('', unnamedEntry(type, root)))
      }
    }
    return found
  }

  private isNamed(type: MapType | MultimapType, root: Ref): boolean {
    const { cells, space } = this.wreck
    const tree = type instanceof MapType ? root
      : space.windowOf(root).u32[wordIndexOf(root) + MULTIMAP.tree]!
    return cells.has(tree) && cells.unitsOf(tree) === PAGE_UNITS
  }

  /** S2. */
  private entryOf(cell: CatalogCell, known: string): FoundEntry {
    const { kind, root, auxiliary } = cell
    return this.nameOf(known, {
      kind, root, auxiliary,
      keyType: this.typeOf(cell.keyType), valueType: this.typeOf(cell.valueType),
    })
  }

  /** Under the name that is known, or one that is made up where none is, or something has it. */
  private nameOf(known: string, unnamed: Omit<FoundEntry, 'name' | 'madeUp'>): FoundEntry {
    const madeUp = known === '' || this.taken.has(known)
    const name = madeUp ? this.makeUpName() : known
    this.taken.add(name)
    return { name, madeUp, ...unnamed }
  }

  private typeOf(id: number): AnyType | undefined {
    if (id >= C.FIRST_STORED_TYPE) return this.wreck.registry.byId.get(id)
    return Object.values(simpleTypes).find(({ fixedTypeId }) => fixedTypeId === id && id !== 0)
  }
}
