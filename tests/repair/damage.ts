/**
 * Damage that a repair has to do with, and what it must save nevertheless. Of the two copies of the
 * types' descriptors one page at a time is spared, or both kinds of pages would have to be hit at
 * once, which nothing can be saved from.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { readWreckage } from '../../cli/read/wreckage.js'
import { C } from '../../formats/index.js'
import { salvage, type Region } from '../../lib/index.js'
import type { AnyTree } from '../../lib/map/handle.js'
import type { Ref } from '../../lib/space/ref.js'
import { openTree } from '../../lib/tree/open.js'
import { DescriptorCopies } from '../../lib/types/descriptor-copies.js'
import { MapType, MultimapType } from '../../lib/types/map/map.js'
import { randomOf } from '../fuzz/damage.js'
import { verifyFile, type Place } from '../harness/with-region.js'

const PAGE = 4096
/** The pages before the table of checksums: identity, slots, allocation, catalog, types. */
export const HEADER = [0, 1, 2, 3, 4, 5] as const

/** Pages of each record of a map, with all that it owns, in the order of their keys. */
export function pagesOfRecords(region: Region, name: string): Set<number>[] {
  const { session, catalog } = region
  const entry = catalog.directory.find(name)!
  const found: Set<number>[] = []
  session.enter()
  const addPages = (pages: Set<number>, ref: number): void => {
    const units = session.space.windowOf(ref).u32[(ref & 0x0fff_ffff) << 1]! & C.CELL_SIZE_MASK
    for (let page = ref >>> 9; page <= (ref + units - 1) >>> 9; page++) pages.add(page)
    const id = session.space.typeIdOf(ref)
    const type = session.registry.typeOf(id)
    if (type instanceof MultimapType || type instanceof MapType) return
    type.visitCell(session, ref, (_type, to, owned) => { if (owned) addPages(pages, to) }, '')
  }
  const { kind } = session.registry.typeOf(entry.keyType).key!
  const cursor = (openTree(session.space, kind, entry.root) as AnyTree).cursor()
  for (let there = cursor.first(); there; there = cursor.next()) {
    const pages = new Set<number>()
    addPages(pages, cursor.window.u32[cursor.valueIndex]!)
    found.push(pages)
  }
  cursor.close()
  return found
}

/** Where the descriptors of the types are, or their second copies: one of them must be there. */
export function descriptorPages({ session }: Region, which: 'first' | 'second'): Set<number> {
  session.enter()
  if (which === 'second') {
    return new Set([...new DescriptorCopies(session.space).pages()].map((ref) => ref >>> 9))
  }
  const pages = new Set<number>()
  const cursor = openTree(session.space, 'u32', (C.TYPES_PAGE << 9) as Ref).cursor()
  for (let there = cursor.first(); there; there = cursor.next()) {
    const ref = cursor.window.u32[cursor.valueIndex]!
    const units = session.space.windowOf(ref).u32[ref << 1]! & C.CELL_SIZE_MASK
    for (let page = ref >>> 9; page <= (ref + units - 1) >>> 9; page++) pages.add(page)
  }
  cursor.close()
  return pages
}

/** Pages that are damaged in any case; of the descriptors, those of the first or second copies. */
export type Always = readonly (number | 'first' | 'second')[]

/**
 * What is in the pages then: also what another page has, as if it was written to the wrong place.
 * That can only be told by checksums: of those the table is spared.
 */
export const FILLS = ['random', 'zeros', 'ones', 'others'] as const

export interface Damage {
  readonly always: Always
  readonly seed: number
  readonly fill?: typeof FILLS[number]
}

/**
 * Whether all that is saved is right: cells that are there twice, on a page of which there is no
 * checksum, may be taken for either.
 */
export const isAllRight = ({ fill }: Damage): boolean => fill !== 'others'

interface Plan extends Pick<Damage, 'seed' | 'fill'> { always: number[]; spared: Set<number> }

export function planOf(region: Region, { always, seed, fill = 'random' }: Damage): Plan {
  const of = { first: descriptorPages(region, 'first'), second: descriptorPages(region, 'second') }
  assert.ok(of.second.size > 0)
  for (const page of of.second) assert.not(of.first.has(page), 'the copies are on other pages')
  return {
    seed, fill,
    always: always.flatMap((page) => typeof page === 'number' ? [page] : [...of[page]]),
    spared: new Set([
      ...of[always.includes('second') ? 'first' : 'second'],
      ...(fill === 'others' ? [C.CHECKSUM_PAGE] : []),
    ]),
  }
}

function copyPage(from: Buffer, page: number, to: Buffer, toPage: number): void {
  from.copy(to, toPage * PAGE, page * PAGE, (page + 1) * PAGE)
}

/** 1 % of the pages, and what the plan says; which. */
export function overwrite(bytes: Buffer, { always, spared, seed, fill }: Plan): Set<number> {
  const random = randomOf(seed)
  const pages = new Set(always)
  const count = bytes.length / PAGE
  const least = pages.size + count / 100
  while (pages.size < least) {
    const page = 6 + random(count - 6)
    if (!spared.has(page)) pages.add(page)
  }
  const before = Buffer.from(bytes)
  for (const page of pages) {
    const at = page * PAGE
    if (fill === 'others') copyPage(before, random(count), bytes, page)
    else if (fill === 'random') for (let i = 0; i < PAGE; i++) bytes[at + i] = random(256)
    else bytes.fill(fill === 'zeros' ? 0 : 0xff, at, at + PAGE)
  }
  return pages
}

/** Saves what can be saved of a region, as `saved`. */
export const repair = (place: Place, path = place.path()): ReturnType<typeof salvage> => {
  const { image, capacityBytes } = readWreckage(path)
  const options = { capacity: capacityBytes ?? 2 ** 32, like: path }
  return salvage(place.path('saved'), image, options)
}

/** Damages the closed region of a place; which pages. */
export function damageFile(place: Place, plan: Plan): Set<number> {
  const bytes = readFileSync(place.path())
  const damaged = overwrite(bytes, plan)
  writeFileSync(place.path(), bytes)
  place.expectDamage()
  return damaged
}

/**
 * Every record of which no page is damaged was saved; `pagesOf` has those of each. Where the table
 * of checksums is damaged on purpose, one in a hundred may be missing: between pages of which it is
 * not known that they are damaged there may be too few cells to tell.
 */
export function checkSaved(
  pagesOf: readonly Set<number>[], damaged: ReadonlySet<number>, found: ReadonlySet<number>,
  { always }: Pick<Damage, 'always'>, what: string,
): void {
  const lost = [...pagesOf.keys()].filter((id) => !found.has(id)
    && [...pagesOf[id]!].every((page) => !damaged.has(page)))
  const isKnown = !always.includes(C.CHECKSUM_PAGE)
  if (isKnown || lost.length > pagesOf.length / 100) {
    assert.equal(lost, [], `${what}: whole, and not saved`)
  }
}

/** What is there then is sound. */
export async function damageAndRepair(
  place: Place, pages: readonly number[], path = place.path(),
): Promise<void> {
  const bytes = readFileSync(path)
  const random = randomOf(1)
  for (const page of pages) for (let i = 0; i < PAGE; i++) bytes[page * PAGE + i] = random(256)
  writeFileSync(path, bytes)
  place.expectDamage()
  await repair(place, path)
  await verifyFile(place.path('saved'))
}
