import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import type { Ref } from '../../lib/space/ref.js'
import { walkSpace } from '../../lib/space/walk.js'
import type { BranchingTree } from '../../lib/tree/branching.js'
import { KeyBuffer, KeyRange } from '../../lib/tree/keys.js'
import type { KeyForms, KeyKind } from '../../lib/tree/keys.js'
import { createTree, openTree } from '../../lib/tree/open.js'
import type { NewTree, TreeOptions } from '../../lib/tree/open.js'
import { verifyTree } from '../../lib/tree/verify.js'
import { MemorySpace } from '../harness/memory-space.js'
import type { MemorySpaceOptions } from '../harness/memory-space.js'

const test = suite('tree/structure')

interface Made<Kind extends KeyKind> {
  space: MemorySpace
  root: Ref
  tree: BranchingTree<KeyForms[Kind]>
  /** Units that were allocated before the tree had an entry. */
  emptyUnits: number
}

function make<Kind extends KeyKind>(
  kind: Kind,
  options: Partial<NewTree> & TreeOptions & MemorySpaceOptions = {},
): Made<Kind> {
  const { maximumEntries = 0xffff, valueBytes = 4, rootBytes = C.PAGE_BYTES } = options
  const space = new MemorySpace(options)
  space.beginTransaction()
  const root = createTree(space, kind, { typeId: 40, valueBytes, rootBytes })
  const tree = openTree(space, kind, root, { maximumEntries })
  return { space, root, tree, emptyUnits: space.allocatedUnits }
}

function check<Kind extends KeyKind>({ space, tree }: Made<Kind>): void {
  assert.equal(verifyTree(tree, space.frontierUnits), [])
  assert.equal(walkSpace(space, space.frontierUnits).problems, [])
}

const key = new KeyBuffer()
const text = (plain: string): KeyBuffer => {
  const bytes = Buffer.from(plain)
  key.assign(bytes, 0, bytes.length)
  return key
}

/** Numbers below `count`, each once, in an order without one. */
function* scattered(count: number): Iterable<number> {
  for (let i = 0; i < count; i++) yield Number((BigInt(i) * 7919n * 104_729n) % BigInt(count))
}

test('a million insertions and a million deletions later the root is where it was', () => {
  const made = make('u32')
  const { tree, space, root, emptyUnits } = made
  const count = 1_000_003
  for (const n of scattered(count)) tree.place(n)
  assert.is(tree.size, count)
  check(made)
  for (const n of scattered(count)) assert.ok(tree.remove(n))
  assert.is(tree.size, 0)
  check(made)
  assert.is(space.allocatedUnits, emptyUnits, 'everything was given back')
  assert.is(openTree(space, 'u32', root).size, 0)
})

test('the same with strings, in a small root', () => {
  const made = make('bytes', { rootBytes: 256 })
  const { tree, space, emptyUnits } = made
  const count = 100_003
  for (const n of scattered(count)) tree.place(text(`${n % 10}/${'common'.repeat(n % 5)}/${n}`))
  check(made)
  for (const n of scattered(count)) {
    assert.ok(tree.remove(text(`${n % 10}/${'common'.repeat(n % 5)}/${n}`)))
  }
  check(made)
  assert.is(space.allocatedUnits, emptyUnits)
})

test('ascending keys leave full leaves behind', () => {
  const { tree, space } = make('u32')
  for (let n = 0; n < 100_000; n++) tree.place(n)
  assert.ok((space.allocatedUnits * 8) / 100_000 < 8.3)
})

test('a loader leaves full leaves behind, whatever the keys are', () => {
  const { tree, space } = make('bytes')
  const loader = tree.loader()
  let bytes = 0
  for (let n = 0; n < 100_000; n++) {
    const plain = `country/city/${String(n).padStart(8, '0')}`
    bytes += plain.length
    loader.append(text(plain))
  }
  loader.finish()
  assert.is(tree.size, 100_000)
  assert.ok(space.allocatedUnits * 8 < bytes, 'common prefixes are stored once')
  assert.equal(verifyTree(tree, space.frontierUnits), [])
})

test('a loader refuses what is not above the last key', () => {
  const { tree } = make('f64')
  tree.place(10)
  const loader = tree.loader()
  const unsorted = (error: { code?: string }) => error.code === 'RSTORE_UNSORTED'
  assert.throws(() => loader.append(10), unsorted)
  for (let n = 11; n < 3000; n++) loader.append(n)
  assert.throws(() => loader.append(2999), unsorted)
  assert.throws(() => loader.append(-1), unsorted)
  loader.finish()
  assert.is(tree.size, 2990)
})

/**
 * Found by the model test: `clearRange` had left the last leaf empty, so the first loaded key came
 * into the leaf before it, and the loader went on there, beyond the separator.
 */
test('a loader does not go on in a leaf that is not the last', () => {
  for (const kind of ['u32', 'bytes'] as const) {
    const made = make(kind, { rootBytes: 96, maximumEntries: 4 }) as Made<KeyKind>
    const tree = made.tree as BranchingTree<never>
    const keyOf = (n: number): never => (kind === 'u32' ? n : text(String(n))) as never
    for (const n of [3, 9, 5, 0, 1]) tree.place(keyOf(n))
    const range = new KeyRange<never>()
    range.low = tree.copyKey(keyOf(0), tree.newKey())
    range.lowExcluded = true
    assert.is(tree.clearRange(range), 4)
    const loader = tree.loader()
    loader.append(keyOf(1))
    loader.append(keyOf(9))
    loader.finish()
    check(made)
  }
})

test('a loader notices that its tree was changed by others', () => {
  for (const kind of ['u32', 'bytes'] as const) {
    const tree = make(kind).tree as BranchingTree<never>
    const keyOf = (n: number): never => (kind === 'u32' ? n : text(String(n))) as never
    const loader = tree.loader()
    loader.append(keyOf(1))
    loader.append(keyOf(2))
    tree.place(keyOf(0))
    assert.throws(() => loader.append(keyOf(3)), /was changed while/)
  }
})

test('a loader that found the space full leaves a tree that splits as ever', () => {
  for (const isTight of [false, true]) {
    const made = make('bytes', { capacityBytes: 2 ** 20 })
    const { space, tree } = made
    const keyOf = (n: number): KeyBuffer => text(`${isTight ? 'z'.repeat(200) : 'z'}${n}`)
    for (const plain of ['a', 'm', 'z']) tree.place(text(plain))
    space.commit()
    space.beginTransaction()
    const loader = tree.loader()
    assert.throws(() => {
      for (let n = 100_000; ; n++) loader.append(keyOf(n))
    }, (error: { code?: string }) => error.code === 'RSTORE_REGION_FULL')
    loader.close()
    space.rollback()
    space.beginTransaction()
    for (let n = 0; n < 500; n++) tree.place(text(`m${(n * 37) % 500}`))
    for (const plain of ['a', 'm', 'z', 'm499']) assert.ok(tree.find(text(plain)) >= 0, plain)
    assert.is(tree.size, 503)
    check(made)
  }
})

test('steady churn keeps the size', () => {
  const made = make('bytes')
  const { tree, space } = made
  const name = (n: number): KeyBuffer => text(`${n % 31}/${n}`)
  let next = 0
  for (; next < 20_000; next++) tree.place(name(next))
  const churn = (): void => {
    for (let i = 0; i < 20_000; i++, next++) {
      assert.ok(tree.remove(name(next - 20_000)))
      tree.place(name(next))
    }
    space.commit()
    space.beginTransaction()
  }
  for (let i = 0; i < 3; i++) churn()
  const settled = space.frontierUnits
  for (let i = 0; i < 6; i++) churn()
  assert.ok(space.frontierUnits <= settled * 1.05, `${settled} → ${space.frontierUnits}`)
  check(made)
})

test('clear, clearRange and drop tell of every value and give back every cell', () => {
  for (const rootBytes of [256, C.PAGE_BYTES]) {
    const made = make('bytes', { rootBytes })
    const { tree, space, emptyUnits } = made
    const longKey = (n: number): KeyBuffer => text('x'.repeat(300) + String(n).padStart(5, '0'))
    const fill = (): void => {
      for (let n = 0; n < 3000; n++) {
        const at = tree.place(longKey(n))
        tree.window.u32[at] = n
      }
    }
    fill()
    const range = new KeyRange<KeyBuffer>()
    range.low = new KeyBuffer()
    range.low.copyFrom(longKey(100))
    range.high = new KeyBuffer()
    range.high.copyFrom(longKey(2900))
    let sum = 0
    assert.is(tree.clearRange(range, ({ u32 }, at) => (sum += u32[at]!)), 2801)
    assert.is(sum, (3000 * 2801) / 2)
    assert.is(tree.size, 199)
    check(made)
    sum = 0
    tree.clear(() => sum++)
    assert.is(sum, 199)
    assert.is(space.allocatedUnits, emptyUnits)
    fill()
    tree.drop()
    assert.is(walkSpace(space, space.frontierUnits).liveCells, 0)
  }
})

test('a full space leaves the tree as it was', () => {
  for (const kind of ['u32', 'bytes'] as const) {
    const made = make(kind, { capacityBytes: 2 ** 20, rootBytes: 256 }) as Made<KeyKind>
    const { tree } = made
    let placed = 0
    try {
      for (const n of scattered(1_000_003)) {
        tree.place(kind === 'u32' ? n : text(`${n}`.repeat(n % 90)))
        placed = tree.size
      }
      assert.unreachable()
    } catch (error) {
      assert.is((error as { code: string }).code, 'RSTORE_REGION_FULL')
    }
    assert.is(tree.size, placed)
    assert.equal(verifyTree(tree, made.space.frontierUnits), [])
    tree.clear()
    check(made)
  }
})

test('nodes on both sides of a window boundary', () => {
  const boundary = 2 ** 28
  for (const kind of ['u32', 'u64', 'bytes'] as const) {
    const capacityBytes = 2 ** 31 + 2 ** 23
    const made = make(kind, { capacityBytes, frontierUnits: boundary - 512 * 20, rootBytes: 256 })
    const tree = made.tree as BranchingTree<never>
    const keyOf = (n: number): unknown => {
      if (kind === 'u32') return n
      return kind === 'u64' ? { high: n % 3, low: n } : text(`${n}`.padEnd(n % 400, '-'))
    }
    for (const n of scattered(10_007)) {
      const at = tree.place(keyOf(n) as never)
      tree.window.u32[at] = n
    }
    assert.ok(made.space.frontierUnits > boundary)
    check(made as Made<KeyKind>)
    for (let n = 0; n < 10_007; n++) {
      const at = tree.find(keyOf(n) as never)
      assert.is(tree.window.u32[at], n)
    }
    for (let n = 0; n < 10_007; n += 2) assert.ok(tree.remove(keyOf(n) as never))
    check(made as Made<KeyKind>)
  }
})

test('every cursor survives changes, also when there are more than the space remembers', () => {
  const { tree, space } = make('u32')
  for (let n = 0; n < 1000; n++) tree.place(n * 2)
  const cursors = Array.from({ length: 40 }, (_, i) => {
    const cursor = tree.cursor()
    cursor.seek(i * 10, 'ge')
    return cursor
  })
  for (let n = 0; n < 1000; n++) tree.place(n * 2 + 1)
  for (const [i, cursor] of cursors.entries()) {
    assert.ok(cursor.next())
    assert.is(cursor.key(), i * 10 + 1)
  }
  space.rollback()
  space.beginTransaction()
  for (const cursor of cursors) cursor.close()
})

test('a root of another kind is refused', () => {
  const { space, root } = make('u32')
  assert.throws(() => openTree(space, 'f64', root), /damaged/)
  assert.throws(() => openTree(space, 'bytes', root), /damaged/)
})

/** Damage anywhere in the nodes is told, or harmless; never an exception, never an endless walk. */
test('verification copes with any damage', () => {
  let seed = 99
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  for (const kind of ['u32', 'bytes'] as const) {
    const options = { maximumEntries: 6, capacityBytes: 2 ** 21 }
    const { space, tree } = make(kind, options) as Made<KeyKind>
    const longs = (n: number): KeyBuffer => text(`${'key'.repeat(n % 3 === 0 ? 100 : 1)}${n}`)
    for (let n = 0; n < 500; n++) tree.place(kind === 'u32' ? n : longs(n))
    const nodes: number[] = []
    verifyTree(tree, space.frontierUnits, { node: (ref) => nodes.push(ref) })
    let told = 0
    for (let i = 0; i < 3000; i++) {
      const ref = nodes[random(nodes.length)]!
      const { u8 } = space.windowOf(ref)
      const at = ref * 8 + random(random(2) === 0 ? 100 : 4096)
      const before = u8[at]!
      u8[at] = random(256)
      if (verifyTree(tree, space.frontierUnits).length > 0) told++
      u8[at] = before
    }
    assert.ok(told > 300, `${told} of 3000`)
    assert.equal(verifyTree(tree, space.frontierUnits), [])
  }
})

test('a leaf that is none ends in RSTORE_CORRUPT', () => {
  const { space, tree } = make('u32', { maximumEntries: 4 })
  for (let n = 0; n < 100; n++) tree.place(n)
  tree.find(50)
  space.windowOf(tree.leaf).u32.fill(0, tree.leafAt, tree.leafAt + 1024)
  assert.throws(() => tree.find(50), (error: { code?: string }) => error.code === 'RSTORE_CORRUPT')
})

test('a ref that leads astray ends in RSTORE_CORRUPT', () => {
  const isCorrupt = (error: { code?: string }): boolean => error.code === 'RSTORE_CORRUPT'
  for (const kind of ['u32', 'f64', 'u64', 'bytes'] as const) {
    const { space, root, tree } = make(kind, { maximumEntries: 4 }) as Made<KeyKind>
    const keyOf = (n: number): unknown => {
      if (kind === 'u64') return { high: 0, low: n }
      return kind === 'bytes' ? text(String(n)) : n
    }
    for (let n = 0; n < 100; n++) tree.place(keyOf(n) as never)
    const { u32 } = space.windowOf(root)
    for (const astray of [0, 5, 2 ** 21, 2 ** 28 + 512, 0xffff_fe00]) {
      u32[(root & 0x0fff_ffff) * 2 + 7] = astray
      assert.throws(() => tree.find(keyOf(0) as never), isCorrupt)
      assert.throws(() => tree.place(keyOf(0) as never), isCorrupt)
      assert.ok(verifyTree(tree, space.frontierUnits).length > 0)
    }
  }
})

test.run()
