/** Dates out of JSON: strict ISO 8601, whatever the time zone. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { anyFromJson } from '../../lib/exchange/any-json.js'
import { dateFromJson } from '../../lib/exchange/dates.js'

const test = suite('dates')
process.env['TZ'] = 'Asia/Kathmandu'

test('what is a date, and which', () => {
  const dates: [string | number, string][] = [
    ['2001-02-03', '2001-02-03T00:00:00.000Z'],
    ['2000-02-29', '2000-02-29T00:00:00.000Z'],
    ['2001-02-03T04:05Z', '2001-02-03T04:05:00.000Z'],
    ['2001-02-03 04:05:06Z', '2001-02-03T04:05:06.000Z'],
    ['2001-02-03T04:05:06.7Z', '2001-02-03T04:05:06.700Z'],
    ['2001-02-03T04:05:06.789999+00:00', '2001-02-03T04:05:06.789Z'],
    ['2001-01-01T00:30+01:00', '2000-12-31T23:30:00.000Z'],
    ['2001-02-03T04:05:06-09:30', '2001-02-03T13:35:06.000Z'],
    ['0050-01-01', '0050-01-01T00:00:00.000Z'],
    ['-000001-01-01', '-000001-01-01T00:00:00.000Z'],
    ['+275760-09-13T00:00:00.000Z', '+275760-09-13T00:00:00.000Z'],
    [981173106000, '2001-02-03T04:05:06.000Z'],
  ]
  for (const [json, iso] of dates) {
    assert.is(dateFromJson(json).toISOString(), iso)
    assert.equal(anyFromJson({ $date: json }), new Date(iso))
  }
})

test('what is none is refused with what was got and what is expected', () => {
  const wrong = ['', '5', '0', '1e12', '2001', '2001-02', '03/04/05', '2001-2-3', '20010203', 'now',
    '2001-02-03T', '2001-02-03T04Z', '2001-02-03T04:05 Z', '2001-02-03x', ' 2001-02-03',
    '2001-02-03T04:05+1:00', '2001-02-03T04:05+24:00', '2001-02-03T04:05+0100', '2001-02-03\n',
    '+2001-02-03', '12001-02-03']
  const missing = ['2001-02-30', '2001-02-29', '2001-13-01', '2001-00-10', '2001-01-00',
    '2001-02-03T24:00Z', '2001-02-03T25:00Z', '2001-02-03T23:60Z', '2001-02-03T23:59:60Z',
    '-000000-01-01', '+275760-09-14']
  const refused = (text: string, message: RegExp): void => {
    for (const read of [() => dateFromJson(text), () => anyFromJson({ $date: text })]) {
      assert.throws(read, (error: unknown) => error instanceof TypeError
        && error.message.includes(`ISO 8601, such as 2001-02-03`)
        && error.message.includes(`got ${JSON.stringify(text)}`) && message.test(error.message))
    }
  }
  for (const text of wrong) refused(text, /"$/)
  for (const text of missing) refused(text, /, which does not exist$/)
  for (const text of ['2001-02-03T04:05', '2001-02-03 04:05:06.7']) refused(text, /: add Z/)
  for (const json of [8.65e15, -1e300, NaN]) assert.throws(() => dateFromJson(json), /8\.64e15/)
  for (const json of [true, {}, []]) assert.throws(() => anyFromJson({ $date: json }), /\$date/)
})

test('whatever toISOString writes is the same date', () => {
  fc.assert(fc.property(fc.date({ noInvalidDate: true }), (date) => {
    assert.is(dateFromJson(date.toISOString()).getTime(), date.getTime())
  }))
})

test.run()
