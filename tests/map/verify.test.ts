/** verify finds what was damaged on purpose. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { Catalog } from '../../lib/map/catalog.js'
import type { VerifyReport } from '../../lib/map/verify/report.js'
import { verifySession } from '../../lib/map/verify/verify.js'
import type { Window } from '../../lib/space/window.js'
import { openTree } from '../../lib/tree/open.js'
import { t } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound } from '../harness/types.js'
import { thrown } from '../harness/with-region.js'

const test = suite('map: verify')

const Small = t.struct('Small', { text: t.string })
const Item = t.struct('Item', {
  text: t.string,
  list: t.array(t.string),
  inner: t.map(t.u16, t.string),
  pairs: t.multimap(t.u8, t.u8),
  twin: t.optional(t.self),
  n: t.u32,
})

function filled() {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('items', t.u32, Item)
  map.index('n', 'n')
  region.transact(() => {
    for (let i = 0; i < 50; i++) {
      map.set(i, {
        text: `text ${i}`,
        list: ['a', 'b'],
        inner: [
          [1, 'x'],
          [2, 'y'],
        ],
        pairs: [
          [1, 1],
          [1, 2],
        ],
        n: i,
        ...(i === 0 ? {} : { twin: map.get(i - 1)! }),
      })
    }
  })
  assertSound(region)
  return { region, map, ref: region.refOf(map.get(25)!) as number }
}

const check = (region: MemoryRegion): VerifyReport => verifySession(region.session, region.catalog)
const codes = (report: VerifyReport): string[] =>
  [...new Set(report.problems.map(({ code }) => code))].sort()

/** Words of record 25: where its fields are, from its header on. */
const layout = (Item as unknown as { layout: { fields: { name: string; offset: number }[] } })
  .layout.fields
const word = (name: string): number => 2 + layout.find((field) => field.name === name)!.offset / 4

type Damage = (u32: Uint32Array, at: number, window: Window) => void
const damages: [string, string[], Damage][] = [
  [
    'a ref beyond the data',
    ['CELL_REF'],
    (u32, at) => {
      u32[at + word('text')] = 0x0fff_fff0
    },
  ],
  [
    'a string that two records own',
    ['CELL_SHARED'],
    (u32, at) => {
      u32[at + word('text')] = u32[at + word('list')]!
    },
  ],
  [
    'a list where a string should be',
    ['CELL_TYPE'],
    (u32, at) => {
      const text = u32[at + word('text')]!
      u32[at + word('text')] = u32[at + word('list')]!
      u32[at + word('list')] = text
    },
  ],
  [
    'a string longer than its cell',
    ['CELL_CONTENT'],
    (u32, at) => {
      u32[u32[at + word('text')]! * 2 + 2] = 1000
    },
  ],
  [
    'a list longer than its cell',
    ['CELL_CONTENT'],
    (u32, at) => {
      u32[u32[at + word('list')]! * 2 + 2] = 1000
    },
  ],
  [
    'an unknown type',
    ['CELL_TYPE'],
    (u32, at) => {
      u32[at + 1] = 60_000
    },
  ],
  [
    'a map with another count',
    ['TREE_SIZE'],
    (u32, at) => {
      u32[u32[at + word('inner')]! * 2 + 4] = 9
    },
  ],
  [
    'a multimap with another count',
    ['MULTIMAP'],
    (u32, at) => {
      u32[u32[at + word('pairs')]! * 2 + 3] = 9
    },
  ],
  [
    'a field that its index does not know',
    ['INDEX_MISSING'],
    (u32, at) => {
      u32[at + word('n')] = 1000
    },
  ],
  [
    'a ref to nothing',
    ['CELL_REF'],
    (u32, at) => {
      u32[at + word('twin')] = 0x0fff_fff0
    },
  ],
  [
    'a ref to something else',
    ['CELL_TYPE'],
    (u32, at) => {
      u32[at + word('twin')] = u32[at + word('list')]!
    },
  ],
]

for (const [what, expected, damage] of damages) {
  test(`finds ${what}`, () => {
    const { region, ref } = filled()
    const window = region.space.windowOf(ref)
    damage(window.u32, ref * 2, window)
    const report = check(region)
    assert.not(report.ok)
    for (const code of expected)
      assert.ok(codes(report).includes(code), `${codes(report).join()} has no ${code}`)
    assert.ok(report.problems.every(({ message }) => message.length > 20))
    assert.ok(
      report.problems.some(({ path }) => path !== undefined && path.startsWith('items')),
      JSON.stringify(report.problems[0]),
    )
  })
}

for (const type of [t.string, t.bytes, t.array(t.u8), t.json, t.default(t.string, ''), Small]) {
  const { kind } = type as { kind: string }
  test(`finds an entry without its ${kind}, and reading it throws`, () => {
    const region = new MemoryRegion(2 ** 22)
    const map = region.map<number, any, any>('map', t.u32, type as never)
    const value = kind === 'bytes' || kind === 'array' ? new Uint8Array(9) : { text: 'a' }
    region.transact(() => map.set(1, kind === 'string' || kind === 'default' ? 'a' : value))
    assertSound(region)
    const { root } = region.catalog.directory.find('map')!
    const cursor = openTree(region.space, 'u32', root).cursor()
    cursor.first()
    cursor.window.u32[cursor.valueIndex] = 0
    cursor.close()
    assert.ok(codes(check(region)).includes('CELL_REF'))
    for (const read of [() => map.get(1), () => [...map.values()], () => [...map.entries()]]) {
      thrown('RSTORE_CORRUPT', read)
    }
  })
}

for (const [from, to] of [
  ['unique"', 'unique!'],
  ['"n"', '999'],
  ['"n"', '"m"'],
]) {
  test(`finds an index with ${to} for ${from} in its description`, () => {
    const { region } = filled()
    const { auxiliary } = region.catalog.directory.find('items\0n')!
    const { u8 } = region.space.windows[0]!
    const end = auxiliary * 8 + 12 + u8[auxiliary * 8 + 8]!
    const text = Buffer.from(u8.subarray(auxiliary * 8 + 12, end)).toString()
    u8.set(Buffer.from(text.replace(from!, to!)), auxiliary * 8 + 12)
    assert.not(check(region).ok)
    const catalog = new Catalog(region.session, { create: false })
    const { message } = thrown('RSTORE_CORRUPT', () => catalog.map('items', t.u32, Item as never))
    assert.match(message, /index "n" of map "items"/)
  })
}

test('finds damage in catalog and types, and still tells of the rest', () => {
  const { region } = filled()
  const { u32 } = region.space.windows[0]!
  u32[C.TYPES_PAGE * 1024 + 4] = 1000
  assert.ok(codes(check(region)).includes('TREE_SIZE'))
  const other = filled()
  const words = other.region.space.windows[0]!.u32
  words[C.CATALOG_PAGE * 1024 + 2] = 0xff
  const report = check(other.region)
  assert.not(report.ok)
  assert.ok(report.bytes.leaked > 0)
})

test('survives random damage without throwing or looping', () => {
  let seed = 7
  const random = (limit: number): number => (seed = (seed * 48271) % 2147483647) % limit
  for (let round = 0; round < 60; round++) {
    const { region } = filled()
    const { u32 } = region.space.windows[0]!
    const end = region.space.frontierUnits * 2
    for (let i = 0; i < 5; i++)
      u32[C.CATALOG_PAGE * 1024 + random(end - C.CATALOG_PAGE * 1024)] =
        random(2) === 0 ? random(end) : random(2 ** 31)
    const report = check(region)
    assert.type(report.ok, 'boolean')
  }
})

test('accounts for every byte', () => {
  const { region, map } = filled()
  const total = (report: VerifyReport): number =>
    report.bytes.live + report.bytes.free + report.bytes.leaked + report.bytes.unknown
  const dataBytes = (): number =>
    (region.space.frontierUnits - region.space.firstDataPage * 512) * 8
  const before = check(region)
  assert.is(total(before), dataBytes())
  region.transact(() => region.alloc(t.string, 'lost'))
  const after = check(region)
  assert.ok(after.ok)
  assert.is(after.bytes.leaked, 24)
  region.transact(() => map.clear())
  const cleared = check(region)
  assert.is(total(cleared), dataBytes())
  assert.ok(cleared.bytes.live < before.bytes.live)
})

test.run()
