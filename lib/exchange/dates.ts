/**
 * Dates out of JSON: strict ISO 8601, the same in every time zone. The engine's own parser takes 5
 * for a month and the 30th of February for a day of March, and reads what it likes as local time.
 */

const DAY = /^(?:\d{4}|[-+]\d{6})-\d{2}-\d{2}/
/** Behind the day: hours and minutes, seconds, their fraction, and the zone. */
const TIME = /^[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d+))?)?(?:(Z)|([-+])([01]\d|2[0-3]):([0-5]\d))?$/
const MINUTE_MS = 60_000
/** Of what `toISOString` gives: -02-03T04:05:06.789Z. */
const BEHIND_YEAR_CHARS = 20

const EXPECTED = 'expected a date of ISO 8601, such as 2001-02-03, which is UTC, or '
  + '2001-02-03T04:05:06Z'

const shown = (text: string): string => JSON.stringify(text.slice(0, 100))

function refuse(text: string, why = ''): never {
  throw new TypeError(`${EXPECTED}; got ${shown(text)}${why}`)
}

/** A date in UTC; undefined for a day or a time of day that does not exist. */
function existing(day: string, time: string): Date | undefined {
  const text = `${day}T${time}Z`
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) return undefined
  const isSame = date.toISOString().slice(-BEHIND_YEAR_CHARS) === text.slice(-BEHIND_YEAR_CHARS)
  return isSame ? date : undefined
}

function dateFromText(text: string): Date {
  const [day] = DAY.exec(text) ?? refuse(text)
  const rest = text.slice(day.length)
  const time = TIME.exec(rest === '' ? 'T00:00Z' : rest) ?? refuse(text)
  const [, minutes = '', seconds = '00', fraction = '', utc, sign, zoneHours, zoneMinutes] = time
  const date = existing(day, `${minutes}:${seconds}.${fraction.slice(0, 3).padEnd(3, '0')}`)
    ?? refuse(text, ', which does not exist')
  if (utc !== undefined) return date
  if (sign === undefined) refuse(text, ': add Z, for UTC, or an offset such as +01:00')
  const aheadMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * MINUTE_MS
  return new Date(date.getTime() + (sign === '+' ? -aheadMs : aheadMs))
}

/** Of text, or of milliseconds since 1970. Throws a TypeError on what is no date. */
export function dateFromJson(json: string | number): Date {
  const date = typeof json === 'string' ? dateFromText(json) : new Date(json)
  if (!Number.isNaN(date.getTime())) return date
  throw new TypeError(`expected a date, at most 8.64e15 milliseconds from 1970; got ${json}`)
}
