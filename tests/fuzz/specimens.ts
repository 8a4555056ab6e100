/** The files that are damaged, and what sound ones of them hold. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Packed, Region, RStoreError, t, type ReadRegion } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'

export const Point = t.struct('Point', {
  x: t.f64, label: t.string, tags: t.map(t.string, t.u32), next: t.optional(t.self),
  numbers: t.array(t.u32),
})

export interface Specimen {
  readonly name: string
  readonly kind: 'live' | 'packed'
  /** What is behind the path, and its content: '' is the region itself. */
  readonly files: ReadonlyMap<string, Buffer>
  /** What it holds. */
  readonly content: string
  /**
   * What a sound file may hold when its log was damaged: a last record that is not whole is what a
   * crash leaves, so that any commit of the log may be the last one.
   */
  readonly earlier: ReadonlySet<string>
}

/** What `read` gives; null where the name is not there yet. */
function ifThere<R>(read: () => R): R | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof RStoreError && error.code === 'RSTORE_NOT_FOUND') return null
    throw error
  }
}

/** Everything in it, as text. Throws what reading throws. */
export function contentOf(region: Pick<ReadRegion, 'map' | 'multimap' | 'value'>): string {
  return JSON.stringify([
    ifThere(() => [...region.map('points', t.u32, Point).entries()].map(([key, point]: any) => [
      key, point.x, point.label, [...point.tags.entries()], point.next?.label ?? null,
      [...point.numbers],
    ])),
    ifThere(() => [...region.map('names', t.string, t.bytes).entries()].map(([key, bytes]) =>
      [key, Buffer.from(bytes as Uint8Array).toString('hex')])),
    ifThere(() => [...region.multimap('pairs', t.string, t.u32).entries()]),
    ifThere(() => region.value('value', t.string).get() ?? null),
  ])
}

function fill(region: Region, note: () => void): void {
  note()
  const points = region.map('points', t.u32, Point)
  note()
  points.index('by label', 'label')
  region.transact(() => {
    for (let i = 0; i < 300; i++) {
      points.set(i, { x: i, label: `point ${i}`, tags: [['a', i]], numbers: [i, i + 1] })
    }
    for (let i = 1; i < 300; i++) points.get(i)!.next = points.get(i - 1)! as never
    const names = region.map('names', t.string, t.bytes)
    for (let i = 0; i < 100; i++) names.set('long'.repeat(i), new Uint8Array(i).fill(i))
    const pairs = region.multimap('pairs', t.string, t.u32)
    for (let i = 0; i < 300; i++) pairs.add(`key ${i % 5}`, i)
    region.value('value', t.string).set('a value')
  })
  note()
}

const read = (path: string, ...ends: string[]): Map<string, Buffer> =>
  new Map(ends.filter((end) => existsSync(path + end))
    .map((end) => [end, readFileSync(path + end)]))

export function makeSpecimens(): Specimen[] {
  const path = join(temporaryDirectory(), 'a.region')
  const region = Region.create(path, { capacity: '1MiB' })
  const reader = Region.open(path, { readOnly: true })
  const earlier = new Set<string>()
  fill(region, () => earlier.add(reader.read(() => contentOf(reader))))
  region.transact(() => {
    const names = region.map('names', t.string, t.bytes)
    for (let i = 0; i < 50; i++) names.delete('long'.repeat(i))
  })
  const content = reader.read(() => contentOf(reader))
  earlier.add(content)
  const open = read(path, '', '-wal', '-lock')
  reader.close()
  region.close()
  const root = t.map(t.u32, Point)
  Region.pack(`${path}-packed`, { root, capacity: '1MiB' }, (packing, points) => {
    for (let i = 0; i < 200; i++) {
      points.set(i, { x: i, label: `point ${i}`, tags: [['a', i]], numbers: [i] })
    }
    packing.map('points', t.u32, Point).set(1, points.getObject(1))
    packing.map('names', t.string, t.bytes).set('a', new Uint8Array(9))
    packing.multimap('pairs', t.string, t.u32).add('a', 1)
    packing.value('value', t.string).set('a value')
    return points
  })!.close()
  const packed = Packed.load(`${path}-packed`, { root })
  const packedContent = contentOf(packed)
  packed.close()
  return [
    { name: 'clean', kind: 'live', files: read(path, ''), content, earlier },
    { name: 'open', kind: 'live', files: open, content, earlier },
    {
      name: 'packed', kind: 'packed', files: read(`${path}-packed`, ''),
      content: packedContent, earlier,
    },
  ]
}
