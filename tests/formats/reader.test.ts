/**
 * formats/SPEC.md is enough to write a reader: one that was made after it reads what the library
 * wrote.
 */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { readWholeRegion } from './reader.js'

const test = suite('a reader made after the specification')

const Part = t.struct('Part', { a: t.u8, b: t.f64, c: t.optional(t.u16) })
const All = t.struct('All', {
  u8: t.u8, i8: t.i8, u16: t.u16, i16: t.i16, u32: t.u32, i32: t.i32, f32: t.f32, f64: t.f64,
  u64: t.u64, i64: t.i64, bool: t.bool, date: t.date, text: t.string, raw: t.bytes,
  color: t.enum('red', 'green', 'blue'), pair: t.tuple(t.u8, t.string),
  part: Part, parts: t.array(Part), numbers: t.array(t.f64), maybe: t.optional(t.u8),
  perhaps: t.optional(t.string), nested: t.map(t.string, t.u32), flags: t.array(t.optional(t.u32)),
})

function allOf(i: number) {
  return {
    u8: i & 255, i8: -(i & 127), u16: i, i16: -i, u32: i * 1000, i32: -i * 1000,
    f32: i / 4, f64: i / 3,
    u64: 2n ** 60n + BigInt(i), i64: -(2n ** 60n) - BigInt(i), bool: i % 2 === 0,
    date: new Date(1e12 + i), text: `text ${i} Ærø`, raw: new Uint8Array([i & 255, 1, 2]),
    color: (['red', 'green', 'blue'] as const)[i % 3]!,
    pair: [i & 255, `p${i}`] as [number, string],
    part: { a: 1, b: i, c: i % 2 ? i : undefined },
    parts: [{ a: 2, b: 3, c: 4 }, { a: 5, b: 6, c: undefined }],
    numbers: [i, i + 0.5], maybe: i % 3 ? i & 255 : undefined, perhaps: i % 5 ? `s${i}` : undefined,
    nested: Array.from({ length: i % 40 }, (_, k): [string, number] => [`key ${k}`, k]).sort(),
    flags: [1, undefined, 3],
  }
}

type Expected = Record<string, [unknown, unknown][]>

const plain = ({ raw, ...rest }: ReturnType<typeof allOf>) => ({ ...rest, raw: [...raw] })
const byKey = (a: [unknown, unknown], b: [unknown, unknown]) =>
  (a[0] as number) < (b[0] as number) ? -1 : 1

/** Writes maps with keys of every kind; gives what has to be found. */
function fill(region: Region): Expected {
  const count = 700
  const all = region.map('all', t.u32, All)
  const expected: Expected = { all: [] }
  const numbers = Array.from({ length: count }, (_, i) => i - 300)
  const keys: [string, any, (n: number) => any][] = [
    ['i32', t.i32, (n) => n * 1e6], ['f64', t.f64, (n) => n / 7],
    ['u64', t.u64, (n) => BigInt(n + 300) << 40n],
    ['i64', t.i64, (n) => BigInt(n) << 30n], ['date', t.date, (n) => new Date(n * 1e8)],
  ]
  region.transact(() => {
    for (let i = 0; i < count; i++) {
      all.set(i, allOf(i))
      expected['all']!.push([i, plain(allOf(i))])
    }
    for (const [name, type, keyOf] of keys) {
      const map = region.map<any, number, number>(name, type, t.i16)
      for (const n of numbers) map.set(keyOf(n), n)
      expected[name] = numbers.map((n) => [keyOf(n), n])
    }
  })
  const text = region.map('text', t.string, t.string)
  const tuples = region.map('tuples', t.tuple(t.string, t.f64, t.u64, t.bytes), t.date)
  const pairs = region.multimap('pairs', t.enum('x', 'y'), t.string)
  region.transact(() => {
    for (const n of numbers) {
      text.set(`${'prefix/'.repeat(n < 0 ? 60 : 1)}${n}`, `value ${n}`)
      tuples.set([`a\0${n % 9}`, n / 2, BigInt(n + 300), new Uint8Array([0, 1])], new Date(n))
      pairs.add(n % 2 === 0 ? 'x' : 'y', `pair ${n}`)
    }
    for (let i = 0; i < count; i += 3) all.delete(i)
    region.value('settings', t.tuple(t.bool, t.string)).set([true, 'on'])
    for (const n of numbers.filter((each) => each % 4 === 0)) text.delete(`prefix/${n}`)
  })
  expected['all'] = expected['all']!.filter(([key]) => key as number % 3 !== 0)
  expected['text'] = [...text.entries()]
  expected['tuples'] = [...tuples.entries()]
    .map(([[a, b, c, d], value]) => [[a, b, c, [...d]], value])
  expected['pairs'] = [...pairs.entries()].sort(byKey)
  return expected
}

test('it finds what was written: in file and log, then in the file alone', () => {
  const path = join(temporaryDirectory(), 'spec.region')
  const region = Region.create(path, { capacity: '64MiB' })
  const expected = fill(region)
  const check = () => {
    const { settings, ...found } = readWholeRegion(path)
    assert.equal(Object.keys(found).sort(), Object.keys(expected).sort())
    for (const [name, entries] of Object.entries(expected)) assert.equal(found[name], entries, name)
    assert.equal(settings, [true, 'on'])
  }
  check()
  region.close()
  check()
})

test.run()
