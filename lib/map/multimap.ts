/**
 * A multimap: several sorted values for a key, which is stored once.
 *
 * The cell that is a multimap has two words: the root of a tree from keys to refs, and the number
 * of pairs. Each of those refs is the root of a tree without values whose keys are the values of
 * the pair. It is made with the first pair of a key and dropped with the last.
 *
 *  P1. The number of pairs is the sum of the sizes of these trees; none of them is empty.
 *  P2. An iteration (multimap-iterate.ts) remembers key and value, and finds its tree anew at each
 *      step: it goes on behind the last pair it gave, whatever became of the trees meanwhile.
 */
import { inspect, type InspectOptions } from 'node:util'
import { C } from '../../formats/index.js'
import { wordIndexOf, type Ref } from '../space/ref.js'
import { createTree, openTree } from '../tree/open.js'
import type { ReleaseValue } from '../tree/tree.js'
import type { Lease, Owner, Session } from '../types/context.js'
import type { KeyCodec, KeyForm } from '../types/keys.js'
import type { MultimapType } from '../types/map/map.js'
import { shownList } from '../types/shown.js'
import { jsonOf } from '../types/struct/view.js'
import { releaseTold, type DropOptions } from './dropping.js'
import { Handle, type AnyTree, type Home } from './handle.js'
import { TakingIterator } from './iterate.js'
import { PairIterator, ValueIterator, ValueSteps } from './multimap-iterate.js'
import { boundsOf, PlainEnds } from './ranges.js'
import { Walker } from './walker.js'

/** Payload words of the cell, counted from its header. */
export const MULTIMAP = { tree: 2, pairCount: 3, payloadBytes: 8 } as const
/** Bytes of the root of the values of one key. */
export const VALUES_ROOT_BYTES = 96
/** Together with the cell less than 256 bytes. */
const NESTED_ROOT_BYTES = 192

/** A new empty multimap. */
export function createMultimap(session: Session, type: MultimapType, named: boolean): Ref {
  const { space } = session
  const root = space.allocate(MULTIMAP.payloadBytes, session.registry.idOf(type))
  const tree = createTree(space, type.codec.kind,
    { typeId: C.TYPE_NODE, valueBytes: 4, rootBytes: named ? C.PAGE_BYTES : NESTED_ROOT_BYTES })
  space.windowOf(root).u32[wordIndexOf(root) + MULTIMAP.tree] = tree
  return root
}

export class OrderedMultimap extends Handle {
  readonly codec: KeyCodec<unknown>
  readonly valueCodec: KeyCodec<unknown>
  #form: KeyForm
  #valueForm: KeyForm
  readonly #ends: PlainEnds
  readonly #valueEnds: PlainEnds

  constructor(
    session: Session,
    readonly type: MultimapType,
    home: Home | undefined,
    lease: Lease | undefined,
    /** Of the record that it is in. */
    private readonly owner?: Owner,
  ) {
    super(session, type.codec.kind, home, lease)
    this.codec = type.codec
    this.valueCodec = type.valueCodec
    this.#form = this.codec.newForm()
    this.#valueForm = this.valueCodec.newForm()
    this.#ends = new PlainEnds(this.codec)
    this.#valueEnds = new PlainEnds(this.valueCodec)
  }

  open(root: Ref): this {
    this.attach(root)
    return this
  }

  protected override treeRootOf(root: Ref): Ref {
    return this.session.space.windowOf(root).u32[wordIndexOf(root) + MULTIMAP.tree]! as Ref
  }

  // ── the trees of values ──

  valuesAt(root: number): AnyTree {
    return openTree(this.session.space, this.valueCodec.kind, root as Ref) as AnyTree
  }
  #treeOf(key: unknown): AnyTree | undefined {
    const at = this.tree.find(this.codec.encode(key, this.#form, this.label))
    return at < 0 ? undefined : this.valuesAt(this.tree.window.u32[at]!)
  }
  /** The root of the values of a key in the tree's form; 0 when it has none. */
  valueRootOf(form: KeyForm): number {
    const at = this.tree.find(form)
    return at < 0 ? 0 : this.tree.window.u32[at]!
  }

  #addToCount(change: number): void {
    const { space } = this.session
    const root = this.rootRef
    space.mark(root, 16)
    space.windowOf(root).u32[wordIndexOf(root) + MULTIMAP.pairCount]! += change
  }

  // ── reading ──

  /** Pairs; constant time. */
  get size(): number {
    const root = this.rootRef
    const size = this.session.space.windowOf(root).u32[wordIndexOf(root) + MULTIMAP.pairCount]!
    this.leave()
    return size
  }

  has(key: unknown, value?: unknown): boolean {
    this.enter()
    const values = this.#treeOf(key)
    const has =
      values !== undefined &&
      (value === undefined ||
        values.find(this.valueCodec.encode(value, this.#valueForm, `${this.label}, value`)) >= 0)
    this.leave()
    return has
  }

  countOf(key: unknown): number {
    this.enter()
    const count = this.#treeOf(key)?.size ?? 0
    this.leave()
    return count
  }

  valuesOf(key: unknown, range?: unknown): IterableIterator<unknown> {
    const bounds = boundsOf(range, this.#valueEnds)
    const form = this.codec.encode(key, this.codec.newForm(), this.label)
    this.enter()
    return new ValueIterator(this, new ValueSteps(this, form, bounds))
  }

  entries(range?: unknown): IterableIterator<[unknown, unknown]> {
    const bounds = boundsOf(range, this.#ends)
    this.enter()
    return new PairIterator(this, this.tree, bounds)
  }

  range(range?: unknown): IterableIterator<[unknown, unknown]> {
    return this.entries(range)
  }

  /** Each key once. */
  keys(range?: unknown): IterableIterator<unknown> {
    const bounds = boundsOf(range, this.#ends)
    this.enter()
    const walker = new Walker(this.tree, bounds)
    const { codec } = this
    return new TakingIterator(this, walker, ({ cursor }) => codec.decode(cursor.key()))
  }

  [Symbol.iterator](): IterableIterator<[unknown, unknown]> {
    return this.entries()
  }

  /** A list of pairs, as of a multimap inside a record. */
  toJSON(): unknown {
    return Array.from(this.entries(), jsonOf)
  }
  [inspect.custom](depth: number, options: InspectOptions): string {
    const map = this
    const list = { get size() { return map.size }, elements: () => map }
    return shownList('RMultimap', depth, options, list, (first) => first)
  }

  // ── writing ──

  /** False when the pair was there already. */
  add(key: unknown, value: unknown): boolean {
    this.enterWrite()
    const added = this.#change(this.#pairOf(key, value), () => this.#addForms())
    this.leave()
    return added
  }

  /**
   * Code of the user may use this very map, or take it away: that of the pair has run before
   * `encode` looks for the map, and that of indexes (`assigning`) before `encode` is called.
   */
  #change<R>(encode: () => void, change: () => R): R {
    const { session, owner } = this
    let result: R
    const run = (): void => {
      encode()
      result = session.change(change)
    }
    if (owner?.minds === true) owner.assigning(run)
    else run()
    return result!
  }

  /** What makes the forms of a pair, in `#form` and `#valueForm`, or of its key alone. */
  #pairOf(key: unknown, value: unknown, isWhole = true): () => void {
    const ownKey = this.codec.settle(key)
    const ownValue = isWhole ? this.valueCodec.settle(value) : undefined
    return () => {
      this.enter()
      this.#form = this.codec.encode(ownKey, this.#form, this.label)
      if (!isWhole) return
      this.#valueForm = this.valueCodec.encode(ownValue, this.#valueForm, `${this.label}, value`)
    }
  }

  /** As `add`, in an operation that is under way. */
  addPart(key: unknown, value: unknown): void {
    this.#pairOf(key, value)()
    this.#addForms()
  }

  #addForms(): boolean {
    const { tree, session } = this
    const at = tree.place(this.#form)
    const { window } = tree
    if (tree.inserted) {
      window.u32[at] = createTree(session.space, this.valueCodec.kind, {
        typeId: C.TYPE_NODE,
        valueBytes: 0,
        rootBytes: VALUES_ROOT_BYTES,
      })
    }
    const values = this.valuesAt(window.u32[at]!)
    values.place(this.#valueForm)
    if (values.inserted) this.#addToCount(1)
    return values.inserted
  }

  /** Removes one pair, or all pairs of a key; gives their number. */
  remove(key: unknown, value?: unknown): number {
    this.enterWrite()
    const isPair = value !== undefined
    const removed = this.#change(this.#pairOf(key, value, isPair), () => this.#removeForms(isPair))
    this.leave()
    return removed
  }

  /** @param isPair or all pairs of the key */
  #removeForms(isPair: boolean): number {
    const root = this.valueRootOf(this.#form)
    if (root === 0) return 0
    const values = this.valuesAt(root)
    if (isPair && !values.remove(this.#valueForm)) return 0
    const removed = isPair ? 1 : values.size
    if (!isPair || values.size === 0) {
      values.drop()
      this.tree.remove(this.#form)
    }
    this.#addToCount(-removed)
    return removed
  }

  /** Removes everything, in an operation that is under way. */
  clearPart(): void {
    this.enter()
    const { size } = this
    this.tree.clear((window, at) => this.valuesAt(window.u32[at]!).drop())
    this.#addToCount(-size)
  }

  /**
   * Removes everything, and the map itself, for whoever takes away what names it: the handle is
   * dead afterwards.
   */
  dropPart(options: DropOptions = {}): void {
    const root = this.rootRef
    const release: ReleaseValue = (window, at) => this.valuesAt(window.u32[at]!).drop()
    this.session.change(() => {
      this.tree.drop(releaseTold(release, this.tree.size, options))
      this.session.space.free(root)
    })
  }
}
