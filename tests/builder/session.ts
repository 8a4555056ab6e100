/** A session over plain memory: builders need little of one. */
import type { Ref } from '../../lib/space/ref.js'
import { Lease, Session, type Structures } from '../../lib/types/context.js'
import type { TypeRegistry } from '../../lib/types/registry.js'
import type { AnyType } from '../../lib/types/type.js'
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

export class TestSession extends Session {
  readonly registry = new TestRegistry() as unknown as TypeRegistry
  readonly structures = {} as Structures

  constructor(readonly memory: MemorySpace) {
    super(memory, memory.control)
  }

  static over(options?: MemorySpaceOptions): TestSession {
    return new TestSession(new MemorySpace(options))
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
