import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { escapeText } from '../../cli/print/escape.js'
import { toJson } from '../../cli/print/output.js'
import { Progress } from '../../cli/print/progress.js'
import { numeric, pairLines, tableLines } from '../../cli/print/table.js'
import { formatBytes, formatDuration, formatShare, formatTime } from '../../cli/print/units.js'
import { typeText } from '../../cli/read/type-text.js'

const test = suite('printing')

test('nothing in a name reaches the terminal as a command', () => {
  assert.is(escapeText('\x1b[31mred\x9b0m\r\n\u202eback\u0000'),
    '\\u{1b}[31mred\\u{9b}0m\\u{d}\\u{a}\\u{202e}back\\u{0}')
  assert.is(escapeText('Ærø 東京 😀'), 'Ærø 東京 😀')
})

test('tables align, escape, and cut what is too long', () => {
  assert.equal(tableLines([{ title: 'name' }, numeric('count')], [['a', '1'], ['\x07', '1000']]),
    ['name   count', 'a          1', '\\u{7}   1000'])
  const [, row] = tableLines([{ title: 'name' }, { title: 'x' }], [['y'.repeat(100), 'z']])
  assert.is(row, `${'y'.repeat(59)}…  z`)
  assert.equal(pairLines([['a', '1'], ['long', '2']]), ['a     1', 'long  2'])
})

test('units', () => {
  assert.equal([0, 1023, 1024, 1536, 2 ** 35].map(formatBytes),
    ['0 B', '1023 B', '1 KiB', '1.5 KiB', '32 GiB'])
  assert.equal([formatShare(1, 3), formatShare(0, 0)], ['33 %', '–'])
  assert.equal([0, 0.1, 59.5, 100, 7500].map(formatDuration),
    ['0 s', '1 s', '1 min 0 s', '1 min 40 s', '2 h 5 min'])
  assert.is(formatTime(0), '1970-01-01T00:00:00.000Z')
  assert.is(formatTime(1e300), '1e+300 ms')
})

test('JSON has numbers of 64 bits, exact', () => {
  assert.is(toJson([5n, 2n ** 64n - 1n]), '[\n  5,\n  "18446744073709551615"\n]')
})

test('types as people write them', () => {
  assert.is(typeText('u32'), 'u32')
  assert.is(typeText({ struct: 'City', fields: [['name', 'string']] }), 'City')
  assert.is(typeText({ map: ['string', { array: { optional: 'u8' } }] }),
    'map(string, array(optional(u8)))')
  assert.is(typeText({ enum: ['a', 'b'] }), 'enum(a, b)')
  assert.is(typeText({ ref: { self: 0 } }), 'ref(self)')
  assert.is(typeText(undefined), 'unknown')
  const nested = Array.from({ length: 99 }).reduce((inner) => ({ array: inner }), 'u8')
  assert.ok(typeText(nested).length < 2000)
})

/** What `draw` writes to standard error, were it a terminal of so many columns. */
function onTerminal(columns: number, draw: () => void): string {
  const { stderr } = process
  const before = { isTTY: stderr.isTTY, columns: stderr.columns, write: stderr.write }
  let written = ''
  const write = (text: string): boolean => {
    written += text
    return true
  }
  Object.assign(stderr, { isTTY: true, columns, write })
  try {
    draw()
  } finally {
    Object.assign(stderr, before)
  }
  return written
}

test('a bar fits the terminal, and changes nothing that stays when a signal ends it', () => {
  const { now } = performance
  const shown = onTerminal(40, () => {
    const progress = new Progress({ title: 'counting' })
    performance.now = () => now.call(performance) + 2000
    try {
      progress.update(1, 3)
    } finally {
      performance.now = now
    }
    progress.stop()
  })
  assert.match(shown, /counting /)
  assert.not.match(shown, /\x1b\[\?/)
  for (const part of shown.split(/[\r\n\x1b]/)) assert.ok(part.length <= 44, part)
})

test.run()
