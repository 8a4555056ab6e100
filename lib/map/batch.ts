/**
 * Many keys at a time. Fixed-width keys go to native code as one typed array; where there is none,
 * or keys vary in width, they are looked up one by one. Either way the values are then in memory of
 * our own, laid out as in the leaves.
 */
import { RStoreError } from '../errors.js'
import type { PairKey } from '../tree/keys.js'
import type { Space } from '../space/space.js'
import { Window } from '../space/window.js'
import type { Session } from '../types/context.js'
import type { KeyCodec } from '../types/keys.js'
import { numbers } from '../types/number/number.js'
import type { AnyType } from '../types/type.js'
import type { AnyTree } from './handle.js'

/** What `Found` is in lookup.h. */
export const FOUND = { missing: 0, found: 1, damaged: 2 } as const
const KEY_FORMS = { u32: 0, f64: 1, u64: 2 } as const

export interface Batch {
  /** Values one after the other, `valueWords` words each. */
  readonly values: Window
  readonly valueWords: number
  /** FOUND.… of each key. */
  readonly found: Uint8Array
}

type FixedKeys = Uint32Array | Float64Array | BigUint64Array

/** How keys are encoded: dates may be given as a typed array of their milliseconds. */
function codecFor(type: AnyType, keys: ArrayLike<unknown>): KeyCodec<unknown> {
  return (type.kind === 'date' && keys instanceof Float64Array ? numbers.f64 : type).key!
}

/** Keys in the form of their tree; undefined when it is not of a fixed width. */
function fixedKeys(type: AnyType, keys: ArrayLike<unknown>, where: string): FixedKeys | undefined {
  if (type.kind === 'u32' && keys instanceof Uint32Array) return keys
  if (type.kind === 'u64' && keys instanceof BigUint64Array) return keys
  const codec = codecFor(type, keys)
  if (codec.kind === 'bytes') return undefined
  if (codec.kind === 'u64') return pairKeys(codec, keys, where)
  const forms = codec.kind === 'u32' ? new Uint32Array(keys.length) : new Float64Array(keys.length)
  for (let i = 0; i < forms.length; i++) forms[i] = codec.encode(keys[i], 0, where) as number
  return forms
}

function pairKeys(codec: KeyCodec<unknown>, keys: ArrayLike<unknown>, where: string): FixedKeys {
  const words = new Uint32Array(keys.length * 2)
  const form = codec.newForm() as PairKey
  for (let i = 0; i < keys.length; i++) {
    codec.encode(keys[i], form, where)
    words[i * 2] = form.low
    words[i * 2 + 1] = form.high
  }
  return new BigUint64Array(words.buffer)
}

function lookUpOneByOne(
  tree: AnyTree,
  type: AnyType,
  keys: ArrayLike<unknown>,
  batch: Batch,
): void {
  const codec = codecFor(type, keys)
  const form = codec.newForm()
  const {
    values: { u32 },
    valueWords,
    found,
  } = batch
  for (let i = 0; i < keys.length; i++) {
    const at = tree.find(codec.encode(keys[i], form, 'keys'))
    if (at < 0) continue
    found[i] = FOUND.found
    u32[i * valueWords] = tree.window.u32[at]!
    if (valueWords === 2) u32[i * 2 + 1] = tree.window.u32[at + 1]!
  }
}

/** The windows of a space as native code wants them. */
export function windowBytes({ windows }: Space): Uint8Array[] {
  let count = windows.length
  while (count > 1 && windows[count - 1]!.u8.length === 0) count--
  return Array.from({ length: count }, (_, i) => windows[i]!.u8)
}

const FEW_WORDS = 1024
/**
 * For the values of few keys that are numbers: to make a window takes longer than to look them up.
 * Between looking up and reading no code of the user runs, so there is one call at a time.
 */
const few = new Window(new ArrayBuffer(FEW_WORDS * 4))

const windowFor = (words: number): Window => new Window(new ArrayBuffer(Math.ceil(words / 2) * 8))

/**
 * Looks all keys up. Throws a TypeError on what is no key, RSTORE_CORRUPT on a damaged tree.
 * @param cells whether values are refs, whose cells are read next
 */
export function lookUpAll(
  session: Session, tree: AnyTree, type: AnyType, keys: ArrayLike<unknown>, cells: boolean,
): Batch {
  const valueWords = tree.valueBytes / 4
  const words = keys.length * valueWords
  const found = new Uint8Array(keys.length)
  const { kernels, space } = session
  const forms = kernels === undefined ? undefined : fixedKeys(type, keys, 'keys')
  if (forms === undefined) {
    const batch: Batch = { values: windowFor(words), valueWords, found }
    lookUpOneByOne(tree, type, keys, batch)
    return batch
  }
  const values = words <= FEW_WORDS && type.kind !== 'date' ? few : windowFor(words)
  const form = KEY_FORMS[type.key!.kind as keyof typeof KEY_FORMS]
  kernels!.lookUp(
    windowBytes(space),
    tree.root,
    form,
    forms,
    tree.valueBytes,
    values.u32,
    found,
    cells,
  )
  if (found.includes(FOUND.damaged)) {
    session.leave()
    throw new RStoreError('RSTORE_CORRUPT', 'a node of the map is damaged: run verify()',
      { root: tree.root })
  }
  return { values, valueWords, found }
}
