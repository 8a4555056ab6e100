/** From a packed file to a live one. */
import { rmSync } from 'node:fs'
import { Catalog } from '../../map/catalog.js'
import { entryTypesOf, ROOT_NAME } from '../../map/directory.js'
import { addon } from '../../native/binding.js'
import { errorOf } from '../../native/status.js'
import type { Ref } from '../../space/ref.js'
import { checkOptions } from '../base/options.js'
import { owning } from '../base/owning.js'
import { whileTelling } from '../base/telling.js'
import { RegionSession } from '../live/session.js'
import { View } from '../live/view.js'
import { isUnowned, setUnowned } from '../../types/unowned.js'

export interface ThawOptions {
  /** Bytes done, bytes in all. */
  onProgress?(done: number, total: number): void
  /** Ends it with what the signal says; nothing is left behind, from the moment it aborts. */
  signal?: AbortSignal
}

/**
 * See Packed.thaw. The root is that of the very file that was copied, which another may have
 * replaced since: refs stay what they are.
 */
export async function thaw(
  path: string, newPath: string, { onProgress, signal }: ThawOptions,
): Promise<void> {
  signal?.throwIfAborted()
  const root = await copy(path, newPath, onProgress, signal)
  const { native, timeoutMs } = checkOptions()
  const session = owning(new View(newPath, native), (view) => new RegionSession(view, false))
  try {
    session.transact(() => nameRoot(session, root), true, timeoutMs)
  } finally {
    session.close()
  }
}

/** Gives the ref of the root. */
async function copy(
  path: string, newPath: string, onProgress: ThawOptions['onProgress'],
  signal: AbortSignal | undefined,
): Promise<Ref> {
  const thawing = addon().thaw(path, newPath)
  const cancel = (): void => {
    if (thawing.cancel()) rmSync(newPath, { force: true })
  }
  signal?.addEventListener('abort', cancel)
  try {
    const tell = (): void => onProgress?.(...thawing.progress())
    const status = await whileTelling(onProgress && tell, thawing.finished)
    signal?.throwIfAborted()
    if (status > 0) throw errorOf(status, newPath, 'thawing to')
    return -status as Ref
  } catch (error) {
    cancel()
    throw error
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

function nameRoot(session: RegionSession, root: Ref): void {
  const { directory } = new Catalog(session, { create: false })
  // what has an owner would be owned a second time
  if (!isUnowned(session.space, root) || directory.find(ROOT_NAME) !== undefined) return
  const { registry } = session
  const { kind, keyType, valueType } = entryTypesOf(registry.typeOfCell(root))
  setUnowned(session.space, root, false)
  directory.add(ROOT_NAME, {
    kind,
    root,
    keyType: keyType === undefined ? 0 : registry.idOf(keyType),
    valueType: registry.idOf(valueType),
    auxiliary: 0 as Ref,
  })
}
