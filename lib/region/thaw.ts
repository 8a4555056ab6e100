/** From a packed file to a live one. */
import { C } from '../../formats/index.js'
import { Catalog } from '../map/catalog.js'
import { addon } from '../native/binding.js'
import { errorOf } from '../native/status.js'
import type { Ref } from '../space/ref.js'
import { MapType, MultimapType } from '../types/map/map.js'
import { checkOptions } from './options.js'
import { owning } from './owning.js'
import { RegionSession } from './session.js'
import { View } from './view.js'

/** The name that a thawed region's root gets. */
const ROOT_NAME = 'root'

/**
 * See Packed.thaw. The root is that of the very file that was copied, which another may have
 * replaced since: refs stay what they are.
 */
export async function thaw(path: string, newPath: string): Promise<void> {
  const status = await addon().thaw(path, newPath)
  if (status > 0) throw errorOf(status, newPath, 'thawing to')
  const root = -status as Ref
  const { native, timeoutMs } = checkOptions()
  const session = owning(new View(newPath, native), (view) => new RegionSession(view, false))
  try {
    session.transact(() => nameRoot(session, root), true, timeoutMs)
  } finally {
    session.close()
  }
}

function nameRoot(session: RegionSession, root: Ref): void {
  const { directory } = new Catalog(session, { create: false })
  // what has a name is owned by it, and would be a second time
  if (Array.from(directory.list()).some((entry) => entry.root === root)) return
  if (directory.find(ROOT_NAME) !== undefined) return
  const type = session.registry.typeOfCell(root)
  const isMap = type instanceof MapType || type instanceof MultimapType
  directory.add(ROOT_NAME, {
    kind: type instanceof MapType ? C.ENTRY_MAP
      : type instanceof MultimapType ? C.ENTRY_MULTIMAP : C.ENTRY_VALUE,
    root,
    keyType: isMap ? session.registry.idOf(type.keyType) : 0,
    valueType: session.registry.idOf(isMap ? type.valueType : type),
    auxiliary: 0 as Ref,
  })
}
