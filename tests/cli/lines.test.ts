/** Lines of JSON, parsed many together: they are what they are one by one. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { JsonRows } from '../../cli/load/rows.js'

const test = suite('lines of JSON')

type Row = [number: number, json: unknown]

function rowsOf(bytes: Buffer, chunkBytes: number): { taken: Row[]; refused: number[] } {
  const taken: Row[] = []
  const refused: number[] = []
  const rows = new JsonRows((json, number) => taken.push([number, json]),
    (number) => refused.push(number))
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    rows.push(bytes.subarray(at, at + chunkBytes))
  }
  rows.end()
  return { taken, refused }
}

function oneByOne(lines: readonly string[]): { taken: Row[]; refused: number[] } {
  const taken: Row[] = []
  const refused: number[] = []
  lines.forEach((line, i) => {
    try {
      taken.push([i + 1, JSON.parse(line)])
    } catch {
      if (line.trim() !== '') refused.push(i + 1)
    }
  })
  return { taken, refused }
}

/** Among them what makes whole values only together with other lines. */
const line = fc.oneof(
  { weight: 9, arbitrary: fc.json({ maxDepth: 2 }) },
  fc.constantFrom('', ' ', '\r', '{"a":[1', '2]}', '1,2', '{"a":1},{"b":2}', '],[', '[', ']', '"a',
    'b"', '{"a":1\r', '"b":2}', 'null', 'nonsense', '{"ü":"\u2028"}'),
)

test('as they are one by one, however they come', () => {
  const seed = Number(process.env['RSTORE_TEST_SEED'] ?? Date.now() & 0x7fff_ffff)
  console.log(`RSTORE_TEST_SEED=${seed}`)
  const cases = fc.tuple(fc.array(line, { maxLength: 60 }), fc.integer({ min: 1, max: 500 }))
  fc.assert(fc.property(cases, ([lines, chunkBytes]) => {
    const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''))
    assert.equal(rowsOf(bytes, chunkBytes), oneByOne(lines))
  }), { numRuns: 300, seed })
})

test('many and long ones; one that is not UTF-8 in between', () => {
  const lines = Array.from({ length: 9000 }, (_, i) =>
    JSON.stringify({ i, text: 'ä'.repeat(i % 97 === 0 ? 70_000 : i % 40) }))
  const bytes = Buffer.from(lines.join('\n'))
  assert.equal(rowsOf(bytes, 1 << 20), oneByOne(lines))
  const broken = Buffer.concat([Buffer.from('1\n'), Buffer.of(0xff, 10), Buffer.from('\ufeff2\n3')])
  assert.equal(rowsOf(broken, 100), { taken: [[1, 1], [4, 3]], refused: [2, 3] })
  assert.equal(rowsOf(Buffer.from('\ufeff1\n2'), 100), { taken: [[1, 1], [2, 2]], refused: [] })
})

test('a line that is too long is refused with its number, and not kept', () => {
  const lines = ['1', `"${'x'.repeat(998)}"`, '2', `"${'y'.repeat(999)}"`, '3', 'z'.repeat(5000)]
  const bytes = Buffer.from(lines.join('\n'))
  for (const chunkBytes of [1, 7, 500, 1000]) {
    const taken: number[] = []
    const refused: [number, string][] = []
    const rows = new JsonRows((_json, number) => taken.push(number),
      (number, reason) => refused.push([number, reason]), 1001)
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      rows.push(bytes.subarray(at, at + chunkBytes))
    }
    rows.end()
    assert.equal(taken, [1, 2, 3, 5])
    const reason = 'it is longer than 1001 bytes'
    assert.equal(refused, [[4, reason], [6, reason]])
  }
})

test('numbers that would become others are refused; what a dump writes is not', () => {
  const good = ['9007199254740991', '1152921504606847000', '100000000000000000000', '-1e21',
    '1e308', '9007199254740993.0', '12345678901234567890e0', '0.12345678901234567', '1e-400',
    '1E+007', '"9007199254740993"', '"1e400"', '"a \\" , 9007199254740993"',
    '{"9007199254740993":1}']
  const rounded = ['9007199254740993', '-9007199254740993', '18446744073709551615']
  const bad = [...rounded, '1e400', '-1E+999', '1'.padEnd(400, '0')]
  const lines = [...good, ...bad].flatMap((text) =>
    [`{"id":1,"n":${text}}`, `[${text}]`, `{"a":[1, ${text} ],"\\\\":0}`])
  const reasons: string[] = []
  const taken: number[] = []
  const rows = new JsonRows((_json, number) => taken.push(number),
    (_number, reason) => reasons.push(reason))
  rows.push(Buffer.from(lines.join('\n')))
  rows.end()
  assert.equal(taken, Array.from({ length: good.length * 3 }, (_, i) => i + 1))
  assert.is(reasons.length, bad.length * 3)
  assert.match(reasons[0]!, /^9007199254740993 is .*: write it as a string \("900719925474099/)
  assert.match(reasons[rounded.length * 3]!, /^1e400 is greater than any number/)
  for (const number of [2 ** 53, 2 ** 60, 2 ** 64, 1e20, 123456789 * 2 ** 40, 1e21, 1e300]) {
    const given: unknown[] = []
    const one = new JsonRows((json) => given.push(json), (_line, reason) => given.push(reason))
    one.push(Buffer.from(`{"n":${JSON.stringify(number)}}`))
    one.end()
    assert.equal(given, [{ n: number }])
  }
})

test.run()
