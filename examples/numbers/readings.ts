/** The example's file: a time, a temperature, a humidity and a count in each row. */
import { closeSync, openSync, writeSync } from 'node:fs'

export const COLUMNS = 4

const ROWS_AT_A_TIME = 10_000

function row(i: number): number[] {
  const time = 1_700_000_000 + i * 30
  const temperature = Math.round(1e3 * (12 + 9 * Math.sin(i / 2880))) / 1e3
  const humidity = Math.round(1e2 * (60 + 30 * Math.cos(i / 1777))) / 1e2
  return [time, temperature, humidity, (i * 7919) % 1009]
}

/** Writes so many rows; gives the sums of the columns. */
export function writeReadings(path: string, rows: number): number[] {
  const sums = new Array<number>(COLUMNS).fill(0)
  const fd = openSync(path, 'w')
  for (let from = 0; from < rows; from += ROWS_AT_A_TIME) {
    const text: string[] = []
    for (let i = from; i < Math.min(rows, from + ROWS_AT_A_TIME); i++) {
      const fields = row(i)
      fields.forEach((field, column) => { sums[column]! += field })
      text.push(`${fields.join(',')}\n`)
    }
    writeSync(fd, text.join(''))
  }
  closeSync(fd)
  return sums
}

/** The sums of the columns of what was read, in the order in which they were written. */
export function totalsOf(numbers: ArrayLike<number>): number[] {
  const sums = new Array<number>(COLUMNS).fill(0)
  for (let i = 0; i < numbers.length; i++) sums[i % COLUMNS]! += numbers[i]!
  return sums
}
