/**
 * A map inside a record: where that has an owner who minds, what changes in the map, or in its own
 * records, is a change of the record.
 */
import type { Lease, Owner, Session } from '../types/context.js'
import type { Change } from '../types/infer.js'
import type { AnyType } from '../types/type.js'
import { OrderedMap } from './ordered-map.js'

export class OwnedMap extends OrderedMap {
  constructor(
    session: Session, keyType: AnyType, valueType: AnyType, lease: Lease, owner: Owner,
  ) {
    super(session, keyType, valueType, undefined, undefined, lease, owner)
  }

  override get watched(): boolean {
    return this.session.writable && this.owner.minds
  }
  override ownerOf(): Owner {
    return this.owner
  }
  override observed(_key: unknown, _kind: Change<unknown>['kind'], change: () => void): void {
    this.owner.assigning(change)
  }
}
