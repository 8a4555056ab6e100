/** Rows out of CSV that comes in pieces. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CsvSplitter } from '../../cli/csv/read.js'
import { UsageError } from '../../cli/shared/errors.js'

const test = suite('rows of CSV')

const MOST_CHARS = 100

/** The rows, and the error that ended it. */
function split(csv: string, pieceChars: number): { rows: string[][]; error: string | undefined } {
  const rows: string[][] = []
  const splitter = new CsvSplitter((cells) => rows.push([...cells]), MOST_CHARS)
  try {
    for (let at = 0; at < csv.length; at += pieceChars) {
      splitter.push(csv.slice(at, at + pieceChars))
    }
    splitter.end()
    return { rows, error: undefined }
  } catch (error) {
    assert.instance(error, UsageError)
    return { rows, error: (error as Error).message }
  }
}

test('a quote that is not closed: an error once the row is too long, with its line', () => {
  const begin = 'a,b\r\n1,"two\r\nlines, ""quoted"""\r\n\r\n'
  for (const newline of ['\n', '\r\n', '\r']) {
    const good = begin.replaceAll('\r\n', newline)
    const text = `two${newline}lines, "quoted"`
    for (const pieceChars of [10, 64]) {
      const row = `2,"${'long, '.repeat(14)}"${newline}`
      assert.equal(split(good + row, pieceChars),
        { rows: [['1', text], ['2', 'long, '.repeat(14)]], error: undefined })
      const open = `"closed${newline}",a"b"${newline}"x${newline}y","open ""`
      const { rows, error } = split(good + open + `${newline}3,4`.repeat(100), pieceChars)
      assert.equal(rows, [['1', text], [`closed${newline}`, 'a"b"']])
      assert.match(error!, /field that begins in line 8 is longer than 100 characters: is a quote/)
    }
  }
  assert.match(split(`a,b\n1,${'x'.repeat(200)}`, 50).error!, /begins in line 2 is longer/)
})

test('lines end as the first one does: with LF, CR LF, or CR alone', () => {
  const rows = [['1', 'x'], ['2', 'y']]
  for (const newline of ['\n', '\r\n', '\r']) {
    for (const last of ['', newline]) {
      const csv = ['a,b', '1,x', '2,y'].join(newline) + last
      for (let chars = 1; chars <= csv.length; chars++) {
        assert.equal(split(csv, chars), { rows, error: undefined }, JSON.stringify([csv, chars]))
      }
    }
  }
})

test('what stands in quotes, or behind the first line, is no end of a line', () => {
  const other = { '\n': '\r', '\r': '\n', '\r\n': '\r' } as const
  for (const [newline, within] of Object.entries(other)) {
    const csv = [`"a${within}""b,","c"`, `1,"x${within}y"`, '2,""'].join(newline)
    for (let chars = 1; chars <= csv.length; chars++) {
      assert.equal(split(csv, chars).rows, [['1', `x${within}y`], ['2', '']])
    }
  }
  assert.equal(split('a,b\n1,x\ry\n', 100).rows, [['1', 'x\ry']])
  assert.equal(split('a,b', 100), { rows: [], error: undefined })
  assert.equal(split('a,b\r', 100), { rows: [], error: undefined })
})

test.run()
