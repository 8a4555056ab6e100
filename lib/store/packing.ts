/** One region being packed into a store. */
import { PackSession, type PackFile } from '../region/packed/pack-session.js'
import type { Packed } from '../region/packed/packed.js'
import type { AnyType } from '../types/type.js'
import { byteOf } from './locks.js'
import { contentOf } from './packed-regions.js'
import type { StoreParts } from './parts.js'
import { StorePackSession } from './sessions.js'

export class StorePacking {
  private id = 0
  private serial = 0
  private session: StorePackSession | undefined
  private published = false

  constructor(
    private readonly store: StoreParts,
    private readonly name: string | null,
    private readonly unsynced: boolean,
  ) {}

  /** The lock of its id is had before there is a file: what can be locked is nobody's. */
  begin(file: PackFile): PackSession {
    const { catalog, files, locks } = this.store
    const { id, serial } = catalog.takeId()
    locks.share(byteOf(id), `file ${id} of a store, left by a process that died, is being removed`)
    this.id = id
    this.serial = serial
    const path = files.pathOf(id, 'packed')
    return PackSession.beginInPlace(path, file, (writer, opened) =>
      (this.session = new StorePackSession(path, writer, opened, this.store, id, serial)))
  }

  /** The file is there, and the lock held: nobody deletes it before it has a handle. */
  publish<V>(root: AnyType): Packed<V> {
    const { catalog, packed } = this.store
    const { id, name, serial, unsynced } = this
    const { named, uuid } = this.session!
    catalog.publish({ id, name, serial, unsynced, content: contentOf(uuid) }, named)
    this.published = true
    return packed.open<V>(id, root)
  }

  /**
   * A commit that failed may be there after all, when the next recovery finds its record. What
   * is kept in vain is removed by whoever opens the store (D7).
   */
  private isUnknown(): boolean {
    try {
      return this.store.catalog.find(this.id) === undefined
    } catch {
      return false
    }
  }

  /** When it is over, however. */
  end(): void {
    const { id, store, session } = this
    if (id === 0) return
    session?.letGo()
    if (!this.published && this.isUnknown()) store.files.remove(id, 'packed')
    if (store.packed.isUsed(id)) return
    store.locks.unlock(byteOf(id))
    store.collector.letGo(id)
  }
}
