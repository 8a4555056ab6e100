/** What the compiler lets pass: checked when this file is compiled. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DISCARD, Packed, ReadRegion, Region, t, type Frozen, type Infer } from '../../lib/index.js'
import { sameType } from '../harness/types.js'

const test = suite('packed regions: types')

const Doc = t.struct('Doc', { title: t.string, tags: t.map(t.string, t.u32) })
type DocView = Infer<typeof Doc>
const OPTIONS = { root: Doc } as const

/** Never called. */
export function compiles(packed: Packed<DocView>, read: ReadRegion): void {
  sameType<typeof packed.root, Frozen<DocView>>(true)
  const wider: ReadRegion = packed
  // @ts-expect-error whoever only reads a region does not know that nobody writes to it
  const narrower: Packed<DocView> = read
  // @ts-expect-error roots are frozen
  packed.root.title = 'x'
  // @ts-expect-error and so are maps in them
  packed.root.tags.set('x', 1)
  // @ts-expect-error a forgotten return
  void Region.pack('x', OPTIONS, () => {})
  // @ts-expect-error the same, of a promise
  void Region.pack('x', OPTIONS, async () => {})
  // @ts-expect-error a root of another type
  void Region.pack('x', OPTIONS, () => 7n)
  const discarded: Packed<DocView> | undefined = Region.pack('x', OPTIONS, () => DISCARD)
  const maybe = Region.pack('x', OPTIONS, (_, root) => root.title === '' ? DISCARD : root)
  const later: Promise<Packed<DocView> | undefined> = Region.pack('x', OPTIONS, async () => DISCARD)
  // @ts-expect-error a packed region has no transactions
  packed.transact(() => {})
  void [wider, narrower, discarded, maybe, later]
}

test('was compiled', () => assert.type(compiles, 'function'))

test.run()
