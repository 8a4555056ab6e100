/**
 * A map inside a record of a map with indexes by functions, or with listeners: what changes in it,
 * or in its records, is a change of that record.
 */
import type { Lease, Owner, Session } from '../types/context.js'
import type { Change } from '../types/infer.js'
import type { AnyType } from '../types/type.js'
import { OrderedMap } from './ordered-map.js'

export class OwnedMap extends OrderedMap {
  constructor(
    session: Session, keyType: AnyType, valueType: AnyType, lease: Lease,
    private readonly owner: Owner,
  ) {
    super(session, keyType, valueType, undefined, undefined, lease)
  }

  override get watched(): boolean {
    return true
  }
  override ownerOf(): Owner {
    return this.owner
  }
  override observed(_key: unknown, _kind: Change<unknown>['kind'], change: () => void): void {
    this.owner.assigning(change)
  }
}
