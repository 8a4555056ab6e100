/**
 * The types of a pool: their numbers are the same in all its regions, and their descriptors are in
 * memory of the pool's own. So an empty region has no tree of types, and a small one only its data.
 */
import { C } from '../../formats/index.js'
import { createStructures } from '../map/structures.js'
import type { Ref } from '../space/ref.js'
import { createTree, SMALL_ROOT_BYTES } from '../tree/open.js'
import { Lease, Session } from '../types/context.js'
import { TypeRegistry } from '../types/registry.js'
import { BlockSpace } from './block-space.js'
import type { PoolCore } from './core.js'

export const NO_FAULTS = new Uint32Array(1)

export class TypesSession extends Session {
  declare readonly space: BlockSpace
  readonly registry: TypeRegistry
  readonly structures = createStructures()
  /** The catalog of sealed regions that never had a name. */
  readonly emptyCatalog: Ref

  constructor(core: PoolCore) {
    super(new BlockSpace(core, Infinity), NO_FAULTS)
    this.writable = true
    const { space } = this
    const rootBytes = SMALL_ROOT_BYTES
    const types = createTree(space, 'u32', { typeId: C.TYPE_TYPES_ROOT, valueBytes: 4, rootBytes })
    this.emptyCatalog = createCatalog(space)
    const next = space.allocate(8, C.TYPE_BYTES)
    this.registry = new TypeRegistry(this, types, (next + 1) as Ref)
  }

  protected renew(): void {
    this.lease = new Lease(this)
  }
  protected refuseWrite(): never {
    throw new Error('The types of a pool can always be written.')
  }
  protected throwFault(): void {}
  atomically<R>(fn: () => R): R {
    return fn()
  }
  transactOrJoin<R>(fn: () => R): R {
    return fn()
  }
  noteChange(): void {}
  externalView(): null {
    return null
  }
}

export const createCatalog = (space: BlockSpace): Ref =>
  createTree(space, 'bytes',
    { typeId: C.TYPE_CATALOG_ROOT, valueBytes: 4, rootBytes: SMALL_ROOT_BYTES })
