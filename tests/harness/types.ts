/** Checks of types, made by the compiler; and the usual round trip of a value through a region. */
import * as assert from 'uvu/assert'
import { verifySession } from '../../lib/map/verify/verify.js'
import { t, type Type } from '../../lib/types/index.js'
import { BlockSession } from '../../lib/pool/block-session.js'
import { assertBlocksSound } from './block-region.js'
import { MemoryRegion } from './memory-region.js'

/** true when two types are the same, not only assignable to each other. */
export type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

/** Compiles only when the types are the same: `sameType<A, B>(true)`. */
export function sameType<A, B>(_same: Equal<A, B>): void {}

/** Everything is reachable and nothing is damaged or leaked. */
export function assertSound(region: MemoryRegion): void {
  const { session, catalog } = region
  if (session instanceof BlockSession) return assertBlocksSound(session, catalog)
  const report = verifySession(region.session, region.catalog)
  assert.equal(report.problems, [])
  assert.is(report.bytes.leaked, 0, 'bytes leaked')
  assert.is(report.bytes.unknown, 0, 'bytes unknown')
}

/**
 * What comes back when a value is stored in a record, read as a plain copy; the region is verified.
 */
export function roundTrip<V, I>(type: Type<V, I>, value: I): unknown {
  const region = new MemoryRegion(2 ** 21)
  const Holder = t.struct('Holder', { before: t.u8, field: type, after: t.u8 })
  const map = region.map('map', t.u32, Holder)
  const direct = region.map('direct', t.u32, type)
  region.transact(() => {
    map.set(1, { before: 1, field: value, after: 2 } as never)
    direct.set(1, value)
  })
  region.turn()
  const copy = map.getObject(1)
  assert.is(copy.before, 1)
  assert.is(copy.after, 2)
  assert.equal(direct.getObject(1), copy.field)
  region.transact(() => map.set(1, map.getObject(1)))
  assert.equal(map.getObject(1), copy, 'a copy can be stored again')
  assert.ok((map.get(1) as { equals(other: unknown): boolean }).equals(copy))
  assertSound(region)
  region.transact(() => {
    map.delete(1)
    direct.delete(1)
  })
  assertSound(region)
  return copy.field
}

/** Asserts that a value is refused, and that the attempt changed nothing. */
export function refuses(
  type: Type<any, any>, value: unknown, error: typeof TypeError | typeof RangeError, text: RegExp,
): void {
  const region = new MemoryRegion(2 ** 21)
  const Holder = t.struct('Holder', { name: t.string, field: type })
  const map = region.map('map', t.u32, Holder)
  region.transact(() => {
    try {
      map.set(1, { name: 'x', field: value } as never)
    } catch (thrown) {
      assert.instance(thrown, error, `${(thrown as Error).name}: ${(thrown as Error).message}`)
      assert.match((thrown as Error).message, text)
      assert.match((thrown as Error).message, /Holder\.field/)
      return
    }
    assert.unreachable('was accepted')
  })
  assert.is(map.size, 0)
  assertSound(region)
}

/** The code of the RStoreError that a function throws; the name of any other error. */
export function codeOf(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name
  }
  return 'nothing thrown'
}
