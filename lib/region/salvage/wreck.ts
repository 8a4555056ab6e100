/**
 * A damaged region as bytes in memory, with what can be known of its types. It is read by the types
 * that its cells name, and nothing in it is believed: see `isSound`.
 */
import { C, CatalogEntry } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import { nameInCell } from '../../map/directory.js'
import type { AnyTree } from '../../map/handle.js'
import { byteIndexOf, PAGE_UNITS, WINDOW_UNITS, wordIndexOf } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import { Space } from '../../space/space.js'
import { Window } from '../../space/window.js'
import type { KeyKind } from '../../tree/keys.js'
import { createTree, openTree } from '../../tree/open.js'
import { CONTENT_OFFSET, payloadRoom, windowOfContent } from '../../types/boxes.js'
import { compare } from '../../types/compatible.js'
import { typeFromText } from '../../types/descriptor.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import { TypeRegistry } from '../../types/registry.js'
import { leftBefore, leftBy } from '../../types/moved.js'
import { readText } from '../../types/text.js'
import type { AnyType } from '../../types/type.js'
import { namesPacked } from '../base/evacuate.js'
import { OpenSession } from '../base/open-session.js'
import type { RegionStats } from '../base/stats.js'
import { FoundCells } from './cells.js'

/** The region's bytes, up to the end of its data. */
export interface Image {
  readonly windows: readonly ArrayBuffer[]
  /** Where the data begin, or a page before it. */
  readonly firstPage: number
  readonly endUnits: number
  /** Pages whose content does not fit their checksums. */
  readonly damagedPages: ReadonlySet<number>
  /** How many pages are damaged or not, and nobody knows: their checksums are. */
  readonly uncheckedPages: number
  /** Of a packed region, as its first page says; else 0. */
  readonly root: number
}

/** A catalog entry as it is stored; types by their numbers. */
export interface CatalogCell {
  readonly ref: Ref
  readonly kind: number
  readonly root: Ref
  readonly auxiliary: Ref
  readonly keyType: number
  readonly valueType: number
  /** '' where it is not in the cell. */
  readonly name: string
}

const SPARE_PAGES = 32

/** The image, and behind it a few pages for empty trees. */
class ImageSpace extends Space {
  private spare: number

  constructor(image: Image) {
    const buffers = [...image.windows, new ArrayBuffer(SPARE_PAGES * C.PAGE_BYTES)]
    super(buffers.map((buffer) => new Window(buffer)))
    this.spare = image.windows.length * WINDOW_UNITS
  }

  override allocatePage(typeId: number): Ref {
    const ref = this.spare as Ref
    this.spare += PAGE_UNITS
    const { u32 } = this.windowOf(ref)
    u32[wordIndexOf(ref)] = PAGE_UNITS
    u32[wordIndexOf(ref) + 1] = typeId
    return ref
  }

  override allocate(): never {
    throw new Error('Nothing is written to a damaged region.')
  }

  override free(): never {
    throw new Error('Nothing is written to a damaged region.')
  }

  override mark(): void {}
  savepoint(): void {}
  releaseSavepoint(): void {}
  rollbackSavepoint(): void {}
}

class FoundTypes extends TypeRegistry {
  readonly byId = new Map<number, AnyType>()

  override typeOf(id: number): AnyType {
    return this.byId.get(id) ?? super.typeOf(id)
  }
}

/** A tree that reads nodes of its kind wherever they are; kept for each kind. */
interface NodeShape { readonly kind: KeyKind; readonly valueBytes: 0 | 4 | 8 }

export class Wreck extends OpenSession {
  override readonly registry: FoundTypes
  readonly path = null
  readonly cells: FoundCells
  private leavers: Map<number, number> | undefined
  private readonly sound = new Map<number, boolean>()
  private readonly comparable = new Map<string, boolean>()
  private readonly readers = new Map<string, AnyTree>()

  constructor(readonly image: Image) {
    const space = new ImageSpace(image)
    const root = createTree(space, 'u32',
      { typeId: C.TYPE_TYPES_ROOT, valueBytes: 4, rootBytes: C.PAGE_BYTES })
    super(space, new Uint32Array(1), root, root)
    this.registry = new FoundTypes(this, root, root)
    this.cells = new FoundCells(space, image, (page) => image.damagedPages.has(page))
  }

  /** The text in a descriptor's cell. */
  textAt(ref: Ref): string {
    const window = windowOfContent(this.lease, ref, C.TYPE_DESCRIPTOR, 'a descriptor')
    const at = byteIndexOf(ref)
    return readText(window.u8, at + CONTENT_OFFSET, window.u32[(at >>> 2) + 2]!)
  }

  catalogCells(): CatalogCell[] {
    return this.cells.refsOf(C.TYPE_CATALOG_ENTRY).map((ref) => {
      const { u32 } = this.space.windowOf(ref)
      const word = (name: keyof typeof CatalogEntry.fields): number =>
        u32[wordIndexOf(ref) + CatalogEntry.fields[name].offset / 4]!
      return {
        ref, kind: word('kind'), root: word('root') as Ref, auxiliary: word('auxiliary') as Ref,
        keyType: word('keyType'), valueType: word('valueType'),
        name: nameInCell(this.space.windowOf(ref), ref),
      }
    })
  }

  typeAt(ref: Ref): AnyType | undefined {
    try {
      return typeFromText(this.textAt(ref))
    } catch {
      return undefined
    }
  }

  /** Reads nodes of a shape, not those of a tree. */
  nodesOf({ kind, valueBytes }: NodeShape): AnyTree {
    const key = `${kind}:${valueBytes}`
    const known = this.readers.get(key)
    if (known !== undefined) return known
    const root = createTree(this.space, kind,
      { typeId: C.TYPE_NODE, valueBytes, rootBytes: C.PAGE_BYTES })
    const reader = openTree(this.space, kind, root) as AnyTree
    this.readers.set(key, reader)
    return reader
  }

  /** The record whose trail has the cell; undefined where no whole one says so. */
  recordThatLeft(ref: number): number | undefined {
    this.leavers ??= this.findLeavers()
    return this.leavers.get(ref)
  }

  /** M2 of types/moved.ts, as far as the trails are whole. */
  private findLeavers(): Map<number, number> {
    const { cells, space } = this
    const leavers = new Map<number, number>()
    for (const [typeId, refs] of cells.byType) {
      if (typeId < C.FIRST_STORED_TYPE) continue
      for (const ref of refs) {
        let left = leftBy(space, ref)
        while (left !== 0 && !leavers.has(left)) {
          leavers.set(left, ref)
          const isWhole = cells.has(left) && space.typeIdOf(left) === C.TYPE_MOVED
          left = isWhole ? leftBefore(space, left) : 0
        }
      }
    }
    return leavers
  }

  /** Whether a cell, with everything it owns, is of a type and undamaged, as far as can be seen. */
  isSound(type: AnyType, ref: number): boolean {
    const stored = this.cells.has(ref) ? this.storedType(type, ref) : undefined
    if (stored === undefined) return false
    const known = this.sound.get(ref)
    if (known !== undefined) return known
    this.sound.set(ref, false)
    let sound = false
    try {
      sound = this.looksSound(stored, ref)
    } catch {
      // what cannot be read is not sound
    }
    this.sound.set(ref, sound)
    return sound
  }

  /** The type of a cell, where it can be read as the one that is expected. */
  private storedType(type: AnyType, ref: number): AnyType | undefined {
    const typeId = this.space.typeIdOf(ref)
    if (type.fixedTypeId !== 0) return typeId === type.fixedTypeId ? type : undefined
    const stored = this.registry.byId.get(typeId)
    if (stored === undefined || namesPacked(stored)) return undefined
    return this.canBe(stored, type) ? stored : undefined
  }

  private looksSound(stored: AnyType, ref: number): boolean {
    if (stored instanceof MapType || stored instanceof MultimapType) return true
    if (stored.cellBytes(this, ref) > payloadRoom(this, ref)) return false
    let sound = true
    stored.visitCell(this, ref, (of, to, owned) => {
      if (sound && owned) sound = this.isSound(of, to)
    }, '')
    return sound
  }

  /** Whether a record of one type can be read as another. */
  canBe(stored: AnyType, type: AnyType): boolean {
    const key = `${stored.serial}:${type.serial}`
    let can = this.comparable.get(key)
    if (can === undefined) {
      can = compare(stored, type, '') === null || compare(type, stored, '') === null
      this.comparable.set(key, can)
    }
    return can
  }

  // A session that only reads bytes in memory.

  stats(): RegionStats {
    throw new RStoreError('RSTORE_CORRUPT', 'a damaged region has no numbers to be trusted', {})
  }

  holds(ref: number): boolean {
    return this.cells.has(ref)
  }

  close(): void {}
  protected renew(): void {}
  protected throwFault(): void {}
  protected refuseWrite(): never {
    throw new Error('Nothing is written to a damaged region.')
  }

  transactOrJoin<R>(fn: () => R): R {
    return fn()
  }

  externalView(): null {
    return null
  }
}
