/**
 * The model tests are worth something only if they catch an engine that is broken: here it is
 * broken on purpose.
 */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { BranchingTree } from '../../lib/tree/branching.js'
import { KeyBuffer } from '../../lib/tree/keys.js'
import { checkFamily } from './model.js'
import type { Family } from './model.js'

const test = suite('tree/sabotage')

const numbers: Family<'u32', number> = {
  kind: 'u32',
  arbitrary: fc.nat(300),
  toKey: (plain) => plain,
  toPlain: (key) => key,
  compare: (a, b) => a - b,
}

const strings: Family<'bytes', string> = {
  kind: 'bytes',
  arbitrary: fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8, size: 'max' }),
  toKey: (plain) => {
    const key = new KeyBuffer()
    key.assign(Buffer.from(plain), 0, plain.length)
    return key
  },
  toPlain: ({ u8, length }) => Buffer.from(u8.subarray(0, length)).toString(),
  compare: (a, b) => (a < b ? -1 : Number(a > b)),
}

/** What is protected in a tree, open for breaking. */
interface Inside {
  split(parent: number, slot: number, key: unknown): void
  join(parent: number, left: number): void
  setCount(node: number, count: number): void
  countOf(node: number): number
  childAt(node: number, slot: number): number
  narrowFences(node: number, slot: number): void
  space: { beforeChange(root: number): void }
}

const breakages: Record<string, (tree: Inside) => void> = {
  'a split that loses an entry': (tree) => {
    const { split } = tree
    tree.split = (parent, slot, key) => {
      split.call(tree, parent, slot, key)
      const left = tree.childAt(parent, slot)
      tree.setCount(left, tree.countOf(left) - 1)
    }
  },
  'a split that puts the separator one place too far': (tree) => {
    const { split } = tree
    tree.split = (parent, slot, key) => {
      const { setCount } = tree
      split.call(tree, parent, slot, key)
      const right = tree.childAt(parent, slot + 1)
      setCount.call(tree, right, Math.max(0, tree.countOf(right) - 1))
    }
  },
  'siblings that are never joined, though they were said to be': (tree) => {
    const { join } = tree
    let calls = 0
    tree.join = (parent, left) => {
      join.call(tree, parent, left)
      if (++calls % 3 === 0) tree.setCount(parent, Math.max(0, tree.countOf(parent) - 1))
    }
  },
  'cursors that are not told of changes': (tree) => {
    tree.space.beforeChange = () => {}
  },
}

for (const [what, breakIt] of Object.entries(breakages)) {
  test(`caught: ${what}`, () => {
    const sabotage = (tree: BranchingTree<never>): void => breakIt(tree as unknown as Inside)
    assert.throws(() => checkFamily(numbers, 100, sabotage as never), /Property failed/)
    assert.throws(() => checkFamily(strings, 100, sabotage as never), /Property failed/)
  })
}

test.run()
