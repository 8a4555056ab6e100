/** Where the files of a store are. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import type { EntryKind } from './store-catalog.js'

export class StoreFiles {
  constructor(readonly dir: string) {}

  get catalog(): string {
    return join(this.dir, 'catalog.region')
  }

  get lock(): string {
    return join(this.dir, 'store.lock')
  }

  pathOf(id: number, kind: EntryKind): string {
    return join(this.dir, kind === 'live' ? `${id}.region` : `${id}.packed`)
  }

  /** A region's file and what may lie beside it. */
  allOf(id: number): string[] {
    const live = this.pathOf(id, 'live')
    return [live, `${live}-wal`, `${live}-lock`, this.pathOf(id, 'packed')]
  }

  /** Files of regions, and parts of them, whether the catalog knows them or not. */
  found(): { id: number; path: string }[] {
    return readdirSync(this.dir).flatMap((name) => {
      const match = /^(\d+)\.(region|packed)(-wal|-lock|\..*)?$/.exec(name)
      return match === null ? [] : [{ id: Number(match[1]), path: join(this.dir, name) }]
    })
  }
}
