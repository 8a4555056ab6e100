/** A session over plain memory: builders need little of one. */
import { createStructures } from '../../lib/map/structures.js'
import { BlockSpace } from '../../lib/pool/block-space.js'
import type { PoolCore } from '../../lib/pool/core.js'
import type { Ref } from '../../lib/space/ref.js'
import { walkSpace } from '../../lib/space/walk.js'
import { Lease, Session } from '../../lib/types/context.js'
import type { TypeRegistry } from '../../lib/types/registry.js'
import type { AnyType } from '../../lib/types/type.js'
import { blockSpace } from '../harness/block-region.js'
import { MemorySpace, type MemorySpaceOptions } from '../harness/memory-space.js'

const FIRST_TYPE = 32

/** Numbers types in the order in which they come; stores nothing. */
class TestRegistry {
  readonly types: AnyType[] = []

  idOf(type: AnyType): number {
    if (type.fixedTypeId !== 0) return type.fixedTypeId
    const text = type.descriptorText
    const known = this.types.findIndex(({ descriptorText }) => descriptorText === text)
    return FIRST_TYPE + (known >= 0 ? known : this.types.push(type) - 1)
  }
  typeOf(id: number): AnyType {
    return this.types[id - FIRST_TYPE]!
  }
  readerOf(type: AnyType): (core: any) => unknown {
    return type.cellReaderFor(type)
  }
}

/** Savepoints are real, the transaction around them is not: block regions have none. */
class BlockMemory extends BlockSpace {
  readonly control = new Uint32Array(64)

  constructor(pool: PoolCore) {
    super(pool, Infinity)
  }
  transact<R>(work: () => R): R {
    return work()
  }
  nested<R>(work: () => R): R {
    this.savepoint()
    try {
      const result = work()
      this.releaseSavepoint()
      return result
    } catch (error) {
      this.rollbackSavepoint()
      throw error
    }
  }
}

export class TestSession extends Session {
  readonly registry = new TestRegistry() as unknown as TypeRegistry
  readonly structures = createStructures()

  constructor(readonly memory: MemorySpace) {
    super(memory, memory.control)
  }

  /** Over plain memory; over blocks of a pool when the test was started so. */
  static over(options?: MemorySpaceOptions): TestSession {
    const blocks = blockSpace()
    const memory = blocks === undefined ? new MemorySpace(options) : new BlockMemory(blocks.pool)
    return new TestSession(memory as unknown as MemorySpace)
  }

  /** What is wrong with the cells. */
  problems(): unknown[] {
    const space: unknown = this.memory
    if (space instanceof BlockMemory) return space.walk(() => {}).problems
    return walkSpace(this.memory, this.memory.frontierUnits).problems
  }

  /** Runs a transaction: rolled back when `work` throws. */
  transact<R>(work: () => R): R {
    this.writable = true
    try {
      return this.memory.transact(work)
    } finally {
      this.writable = false
      this.unadopted.clear()
    }
  }
  /** What an array's cell reads as. */
  read(type: AnyType, ref: Ref): any {
    return type.readCell(this.lease, ref, undefined)
  }

  protected renew(): void {
    this.lease = new Lease(this)
  }
  protected refuseWrite(): never {
    throw new Error('not in a transaction')
  }
  protected throwFault(): void {
    throw new Error(`fault ${this.faults[0]}`)
  }
  atomically<R>(fn: () => R): R {
    return this.memory.nested(fn)
  }
  transactOrJoin<R>(fn: () => R): R {
    return this.writable ? this.atomically(fn) : this.transact(fn)
  }
  noteChange(): void {}
  externalView(): null {
    return null
  }
}
