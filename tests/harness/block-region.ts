/**
 * The same tests over block regions: a test file that sets RSTORE_TEST_REGION to "blocks" and then
 * imports another one runs all of that one's tests over blocks of a pool.
 */
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import type { Catalog } from '../../lib/map/catalog.js'
import type { Entry } from '../../lib/map/directory.js'
import type { AnyTree } from '../../lib/map/handle.js'
import { MULTIMAP } from '../../lib/map/multimap.js'
import { PairCodec } from '../../lib/map/secondary-index.js'
import { valuesOf } from '../../lib/map/values.js'
import { BlockSession } from '../../lib/pool/block-session.js'
import { BlockSpace } from '../../lib/pool/block-space.js'
import { Pool } from '../../lib/pool/pool.js'
import { verifyBlocks } from '../../lib/pool/verify.js'
import { wordIndexOf, type Ref } from '../../lib/space/ref.js'
import type { Window } from '../../lib/space/window.js'
import type { KeyKind } from '../../lib/tree/keys.js'
import { openTree } from '../../lib/tree/open.js'
import { verifyTree } from '../../lib/tree/verify.js'
import type { EndReason } from '../../lib/types/context.js'
import { MapType, MultimapType } from '../../lib/types/map/map.js'
import type { AnyType, VisitRef } from '../../lib/types/type.js'

class SameTestsSession extends BlockSession {
  transact<R>(fn: () => R): R {
    return this.atomically(fn)
  }
  end(reason: EndReason): void {
    this.endViews(reason)
  }
}

/** A space in the thread's pool; undefined when tests run over contiguous spaces. */
export function blockSpace(): BlockSpace | undefined {
  if (process.env['RSTORE_TEST_REGION'] !== 'blocks') return undefined
  return new BlockSpace(Pool.default.sessions.core, Infinity)
}

export function blockSession(): SameTestsSession | undefined {
  const space = blockSpace()
  if (space === undefined) return undefined
  const session = new SameTestsSession(Pool.default.sessions, space)
  Pool.default.sessions.add(session)
  return session
}

/** Takes from the live cells each one that can be reached, once. */
class Reach {
  readonly left = new Set<number>()
  readonly shared: [AnyType, number][] = []

  constructor(private readonly session: BlockSession) {
    for (const { ref, free } of session.space.cells()) if (!free) this.left.add(ref)
  }

  take(ref: number, what: string): void {
    assert.ok(this.left.delete(ref), `${what} at ref ${ref} is free, or owned twice`)
  }

  private readonly visit: VisitRef = (type, ref, owned, path) => {
    if (owned) this.cell(ref, path)
    else this.shared.push([type, ref])
  }

  cell(ref: number, path: string): void {
    this.take(ref, path)
    this.content(this.session.registry.typeOfCell(ref), ref, path)
  }

  content(type: AnyType, ref: number, path: string): void {
    const { session } = this
    if (type instanceof MapType) {
      const values = valuesOf(session, type.valueType)
      this.tree(type.codec.kind, ref, (window, at) => values.visit(window, at, this.visit, path))
    } else if (type instanceof MultimapType) {
      const tree = session.space.windowOf(ref).u32[wordIndexOf(ref) + MULTIMAP.tree]!
      this.take(tree, `${path} tree`)
      this.tree(type.codec.kind, tree, (window, at) => {
        this.take(window.u32[at]!, `${path} values`)
        this.tree(type.valueCodec.kind, window.u32[at]!)
      })
    } else {
      type.visitCell(session, ref, this.visit, path)
    }
  }

  /** Everything below a root that was taken. */
  tree(kind: KeyKind, root: number, value?: (window: Window, at: number) => void): void {
    const tree = openTree(this.session.space, kind, root as Ref) as AnyTree
    const problems = verifyTree(tree, 2 ** 32, {
      node: (ref) => {
        if (ref !== root) this.take(ref, 'node')
      },
      spill: (ref) => this.take(ref, 'key'),
      ...value === undefined ? {} : { value },
    })
    assert.equal(problems, [])
  }

  entry(entry: Entry): void {
    const { registry } = this.session
    this.take(entry.ref, 'entry')
    if (entry.kind === C.ENTRY_INDEX) {
      this.take(entry.root, 'index')
      this.take(entry.auxiliary, 'index')
      const [key, value] = [registry.typeOf(entry.keyType), registry.typeOf(entry.valueType)]
      this.tree(new PairCodec(key.key!, value.key!).kind, entry.root)
    } else if (entry.kind === C.ENTRY_VALUE) {
      if (entry.root !== 0) this.cell(entry.root, entry.name)
    } else {
      this.take(entry.root, entry.name)
      const [key, value] = [registry.typeOf(entry.keyType), registry.typeOf(entry.valueType)]
      const type = entry.kind === C.ENTRY_MAP
        ? new MapType(key, value) : new MultimapType(key, value)
      this.content(type, entry.root, entry.name)
    }
  }
}

/** Every live cell can be reached from a name, once, and nothing is damaged. */
export function assertBlocksSound(session: BlockSession, { directory }: Catalog): void {
  assert.equal(verifyBlocks(session.space).problems, [])
  const reach = new Reach(session)
  reach.take(session.catalogRoot, 'catalog')
  reach.tree('bytes', session.catalogRoot)
  for (const entry of directory.list()) reach.entry(entry)
  for (let next = reach.shared.pop(); next !== undefined; next = reach.shared.pop()) {
    if (reach.left.has(next[1])) reach.cell(next[1], 'shared')
  }
  assert.equal([...reach.left], [], 'leaked cells')
}
