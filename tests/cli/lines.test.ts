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

test.run()
