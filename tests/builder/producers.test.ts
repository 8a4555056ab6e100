/** Numbers and lines out of bytes and descriptors: the same as JavaScript makes of them. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createBuilder, type ArrayBuilder } from '../../lib/builder/builder.js'
import { ArrayType } from '../../lib/types/array/array.js'
import { simpleTypes as t } from '../../lib/types/descriptor.js'
import type { AnyType } from '../../lib/types/type.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { TestSession } from './session.js'

const test = suite('builders: producers')

const folder = temporaryDirectory()
let files = 0

/** Calls `work` with a descriptor at the start of a file of that content. */
function withFile<R>(content: string | Uint8Array, work: (fd: number) => R): R {
  const path = join(folder, `source-${files++}`)
  writeFileSync(path, content)
  const fd = openSync(path, 'r')
  try {
    return work(fd)
  } finally {
    closeSync(fd)
  }
}

function built(type: AnyType, options: object, build: (b: ArrayBuilder) => void): any[] {
  const session = TestSession.over({ capacityBytes: 8 * 2 ** 20 })
  return session.transact(() => {
    const builder = createBuilder(session, type, options)
    build(builder)
    return [...session.read(new ArrayType(type), builder.finish())]
  })
}

function errorOf(work: () => unknown): any {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** What is left in a descriptor. */
function restOf(fd: number): string {
  const buffer = Buffer.alloc(2 ** 20)
  return buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, null))
}

const LONG = Array.from({ length: 60_000 }, (_, i) => `${(i * 7919) % 1000 - 500}.${i % 10_000}`)

test('numbers: as Number() reads them, from bytes and files, with and without a capacity', () => {
  const texts = fc.array(fc.oneof(
    fc.double({ noNaN: true }).map(String),
    fc.integer().map(String),
    fc.tuple(fc.integer(), fc.nat(99_999)).map(([whole, part]) => `${whole}.${part}`),
    fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map((n) => `${n}e-30`),
    fc.constantFrom('0', '-0', '.5', '5.', '+3', '1e400', '-1e400', '1e-400', 'NaN', 'Infinity',
      '-Infinity', '1E5', '00012', '9007199254740993', '2.2250738585072011e-308'),
  ), { maxLength: 50 })
  const separators = fc.constantFrom(',', '\n', ', ', '\r\n', ' ,\t', '\n\n')
  fc.assert(fc.property(texts, separators, (fields, separator) => {
    const text = fields.join(separator)
    const expected = fields.map(Number)
    const parse = (source: Uint8Array | number) => (b: ArrayBuilder) =>
      assert.is(b.parseNumbers(source), fields.length)
    assert.equal(built(t.f64, {}, parse(Buffer.from(text))), expected)
    assert.equal(built(t.f64, { capacity: fields.length }, parse(Buffer.from(text))), expected)
    withFile(text, (fd) => assert.equal(
      built(t.f64, { capacity: 60, io: true }, parse(fd)), expected))
    assert.equal(built(t.f32, {}, parse(Buffer.from(text))), expected.map(Math.fround))
  }), { numRuns: 150 })
})

test('numbers: more text than any buffer, split anywhere', () => {
  const text = LONG.join(',')
  const expected = LONG.map(Number)
  for (const options of [{}, { capacity: LONG.length }, { capacity: LONG.length, io: true }]) {
    assert.equal(built(t.f64, options, (b) => b.parseNumbers(Buffer.from(text))), expected)
    withFile(text, (fd) => assert.equal(
      built(t.f64, options, (b) => b.parseNumbers(fd)), expected))
  }
  const outside = createBuilder(TestSession.over(), t.f64)
  assert.is(outside.parseNumbers(Buffer.from(text)), LONG.length)
  outside.discard()
})

test('numbers: other delimiters', () => {
  const expected = [1, 2.5, -3, 4]
  for (const [delimiter, text] of [
    [';', '1;2.5\n-3 ; 4'], ['\t', '1\t2.5\n-3\t4\n'], [' ', ' 1  2.5\n -3 4 '],
    ['|', '1|2.5|-3|4'], ['\n', '1\n2.5\n\n-3\n4\n'],
  ] as const) {
    const parse = (b: ArrayBuilder) => b.parseNumbers(Buffer.from(text), { delimiter })
    assert.equal(built(t.f64, {}, parse), expected)
  }
  for (const delimiter of ['', ',,', '.', '-', 'e', '5', 'é', '\r', 1, null]) {
    assert.throws(() => built(t.f64, {}, (b) =>
      b.parseNumbers(Buffer.from('1'), { delimiter: delimiter as string })), /delimiter must be/)
  }
})

test('numbers: what is wrong is said with its line and column', () => {
  const cases: [AnyType, string, RegExp, number, number, number][] = [
    [t.f64, '1,2\n3,four,5', /"four" is not a decimal number \(f64\)/, 2, 3, 3],
    [t.f64, '1,2\r\n3,12 34 \r\n5', /"12 34" is not a decimal number/, 2, 3, 3],
    [t.f64, '1,2\n3, 0x10,5', /"0x10" is not/, 2, 4, 3],
    [t.f64, '1,,2', /has no f64 in it/, 1, 3, 1],
    [t.i32, '1,2.5', /"2.5" is not/, 1, 3, 1],
    [t.u8, '255\n256', /256 is out of range for u8/, 2, 1, 1],
    [t.u32, '-1', /-1 is out of range/, 1, 1, 0],
    [t.i64, '9223372036854775808', /out of range/, 1, 1, 0],
  ]
  for (const [type, text, message, line, column, count] of cases) {
    const session = TestSession.over()
    withFile(text, (fd) => {
      const builder = createBuilder(session, type)
      const error = errorOf(() => builder.parseNumbers(fd))
      assert.is(error.code, 'RSTORE_PARSE')
      assert.match(error.message, message)
      assert.equal([error.facts.line, error.facts.column], [line, column])
      assert.is(builder.count, count)
      assert.is(restOf(fd), text.slice(error.facts.offset), 'the descriptor stands at the mistake')
      builder.discard()
    })
  }
})

test('numbers: an overflow leaves the descriptor at the element that did not fit', () => {
  const text = LONG.join('\n')
  for (const options of [{ capacity: 1000 }, { capacity: 1000, io: true }]) {
    withFile(text, (fd) => {
      const session = TestSession.over()
      const builder = createBuilder(session, t.f64, options)
      const { code, facts } = errorOf(() => builder.parseNumbers(fd))
      assert.is(code, 'RSTORE_BUILDER_OVERFLOW')
      assert.equal([facts.capacity, facts.count, facts.line, facts.column], [1000, 1001, 1001, 1])
      const next = createBuilder(session, t.f64)
      assert.is(next.parseNumbers(fd), LONG.length - 1000)
      for (const one of [builder, next]) one.discard()
    })
  }
})

test('numbers: from a slow pipe; what was read ahead is not lost', async () => {
  const text = LONG.slice(0, 2000).join('\n')
  const writer = 'const t = process.argv[1]; let at = 0; const next = () => { if (at < t.length) {'
    + 'process.stdout.write(t.slice(at, at += 3000), () => setTimeout(next, 5)) } }; next()'
  const path = join(folder, 'pipe')
  const { status } = await finished(spawn('mkfifo', [path]))
  assert.is(status, 0)
  const command = `exec "$0" -e "$1" -- "$2" > "${path}"`
  const child = spawn('sh', ['-c', command, process.execPath, writer, text])
  const fd = openSync(path, 'r')
  const builder = createBuilder(TestSession.over(), t.f64, { capacity: 700 })
  const { facts } = errorOf(() => builder.parseNumbers(fd))
  const ahead = Buffer.from(facts.rest).toString()
  assert.ok(text.startsWith(ahead, facts.offset))
  const lines = createBuilder(TestSession.over(), t.string)
  const count = ahead.split('\n').length + lines.splitLines(fd)
  assert.ok(count >= 1300 && count <= 1301, String(count))
  for (const one of [builder, lines]) one.discard()
  closeSync(fd)
  await finished(child)
})

function finished(child: ReturnType<typeof spawn>): Promise<{ status: number | null }> {
  return new Promise((resolve) => child.on('close', (status) => resolve({ status })))
}

test('readFrom: elements as they are in memory, in place', () => {
  const numbers = Float64Array.from({ length: 50_000 }, (_, i) => i / 3)
  const content = new Uint8Array(numbers.buffer)
  withFile(content, (fd) => {
    const session = TestSession.over()
    session.transact(() => {
      const builder = createBuilder(session, t.f64) as any
      let bytes = 0
      for (let got = 1; got > 0; bytes += got) got = builder.readFrom(fd, 100_001)
      assert.is(bytes, 400_000)
      const address = builder.firstAddress
      const ref = builder.finish()
      assert.is(ref * 8 + 16, address)
      assert.is(builder.bytesCopied, 0)
      assert.equal(session.read(new ArrayType(t.f64), ref), numbers)
    })
  })
  withFile(content.subarray(0, 20), (fd) => {
    const builder = createBuilder(TestSession.over(), t.f64)
    const error = errorOf(() => builder.readFrom(fd, 1000))
    assert.is(error.code, 'RSTORE_PARSE')
    assert.is(error.facts.missing, 4)
    assert.is(builder.count, 2)
    builder.discard()
  })
})

test('readFrom: overflows exactly where there is more than fits', () => {
  for (const capacity of [0, 1, 10, 512, 513, 20_000]) {
    for (const io of [false, true]) {
      withFile(new Uint8Array(capacity).fill(9), (fd) => {
        const found = built(t.u8, { capacity, io }, (b) => {
          let bytes = 0
          for (let got = 1; got > 0; bytes += got) got = b.readFrom(fd, 5000)
          assert.is(bytes, capacity)
        })
        assert.is(found.length, capacity)
      })
      withFile(`${'x'.repeat(capacity)}rest`, (fd) => {
        const builder = createBuilder(TestSession.over(), t.u8, { capacity, io })
        const { code, facts } = errorOf(() => {
          for (let got = 1; got > 0; ) got = builder.readFrom(fd, 5000)
        })
        assert.is(code, 'RSTORE_BUILDER_OVERFLOW')
        assert.is(facts.count, capacity + 1)
        assert.is(restOf(fd), 'rest', 'what did not fit was not read')
        assert.throws(() => builder.readFrom(fd, 1), (e: any) => e.code === code)
        builder.discard()
      })
    }
  }
})

test('lines: as split() makes them', () => {
  const lines = fc.array(fc.string({ unit: 'grapheme', maxLength: 60 })
    .map((line) => line.replace(/[\r\n]/g, '')), { maxLength: 60 })
  fc.assert(fc.property(lines, fc.constantFrom('\n', '\r\n'), fc.boolean(), (all, end, closed) => {
    const text = all.join(end) + (closed ? end : '')
    const expected = text.split(/\r?\n/)
    if (expected.at(-1) === '') expected.pop()
    const split = (source: Uint8Array | number) => (b: ArrayBuilder) =>
      assert.is(b.splitLines(source), expected.length)
    assert.equal(built(t.string, {}, split(Buffer.from(text))), expected)
    assert.equal(built(t.string, { capacity: 60 }, split(Buffer.from(text))), expected)
    withFile(text, (fd) => assert.equal(built(t.bytes, {}, split(fd))
      .map((bytes) => Buffer.from(bytes).toString()), expected))
  }), { numRuns: 100 })
})

test('lines: long ones, many of them, and pushes in between', () => {
  const lines = Array.from({ length: 3000 }, (_, i) => 'ab'.repeat(i % 50 === 0 ? 5 * i : i % 9))
  const found = built(t.string, {}, (b) => {
    b.push('first')
    b.splitLines(Buffer.from(lines.join('\n')))
    b.push('between')
    withFile(lines.join('\r\n'), (fd) => b.splitLines(fd))
    b.push('last')
  })
  assert.equal(found, ['first', ...lines, 'between', ...lines, 'last'])
})

test('lines: what is no UTF-8, and what does not fit, is told and not lost', () => {
  const bad = Buffer.concat([Buffer.from('good\nb'), Buffer.from([0xff]), Buffer.from('\nmore\n')])
  withFile(bad, (fd) => {
    const builder = createBuilder(TestSession.over(), t.string)
    const { code, facts } = errorOf(() => builder.splitLines(fd))
    assert.equal([code, facts.line, facts.column], ['RSTORE_PARSE', 2, 2])
    assert.is(builder.count, 1)
    assert.is(restOf(fd).length, 8)
    builder.discard()
  })
  assert.is(built(t.bytes, {}, (b) => b.splitLines(bad)).length, 3)
  withFile('a\nb\nc\nd\n', (fd) => {
    const builder = createBuilder(TestSession.over(), t.string, { capacity: 2 })
    const { code, facts } = errorOf(() => builder.splitLines(fd))
    assert.equal([code, facts.count, facts.line], ['RSTORE_BUILDER_OVERFLOW', 3, 3])
    assert.is(restOf(fd), 'c\nd\n')
    builder.discard()
  })
})

test('wrong sources and wrong kinds of arrays are refused', () => {
  const open = (type: AnyType): ArrayBuilder => createBuilder(TestSession.over(), type)
  for (const source of ['text', null, -1, 1.5, {}, new Float64Array(1)]) {
    assert.throws(() => open(t.f64).parseNumbers(source as any), TypeError)
    assert.throws(() => open(t.string).splitLines(source as any), TypeError)
  }
  assert.throws(() => open(t.string).parseNumbers(new Uint8Array(1)), TypeError)
  assert.throws(() => open(t.string).readFrom(0, 1), TypeError)
  assert.throws(() => open(t.f64).splitLines(new Uint8Array(1)), TypeError)
  assert.throws(() => open(t.bool).parseNumbers(new Uint8Array(1)), TypeError)
  assert.throws(() => open(t.f64).readFrom(0, 7), RangeError)
  assert.is(errorOf(() => open(t.u8).readFrom(9999, 7)).code, 'RSTORE_IO')
  assert.is(errorOf(() => open(t.u8).parseNumbers(9999)).code, 'RSTORE_IO')
})

test.run()
