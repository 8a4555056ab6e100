/**
 * A region out of a large CSV file of numbers: node dist/examples/numbers/build.js [rows]
 *
 * The text is parsed straight into an array of the region; no number is ever a JavaScript value,
 * and no line a string. Then the array is read where it lies, by another handle.
 */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Region, RStoreError, t } from 'rstore'
import { COLUMNS, totalsOf, writeReadings } from './readings.js'

const rows = Number(process.argv[2] ?? 500_000)
const folder = mkdtempSync(join(tmpdir(), 'rstore-numbers-'))
const csv = join(folder, 'readings.csv')
const expected = writeReadings(csv, rows)

const region = Region.create(join(folder, 'readings.region'), {
  capacity: '4GiB', durability: 'none',
})
const readings = region.value('readings', t.array(t.f64))

/** All numbers of the file, row after row. */
function load(capacity?: number): number {
  const fd = openSync(csv, 'r')
  try {
    return region.transact(() => {
      let count = 0
      const options = capacity === undefined ? {} : { capacity }
      const array = region.buildArray(t.f64, options, (builder) => {
        count = builder.parseNumbers(fd)
      })
      readings.set(array)
      return count
    })
  } finally {
    closeSync(fd)
  }
}

const start = performance.now()
const count = load()
const ms = performance.now() - start
assert.equal(count, rows * COLUMNS)

const megabytes = statSync(csv).size / 1e6
console.log(`${count} numbers out of ${megabytes.toFixed(0)} MB in ${ms.toFixed(0)} ms`)

// One number too many, and nothing of it is stored: what was there stays.
assert.throws(() => load(count - 1), (error: unknown) => {
  assert(error instanceof RStoreError)
  assert.equal(error.code, 'RSTORE_BUILDER_OVERFLOW')
  assert.equal(error.facts['line'], rows)
  return true
})

{
  using other = Region.open(region.path!, { readOnly: true })
  const found = other.read(() => totalsOf(other.value('readings', t.array(t.f64)).get()!))
  assert.deepEqual(found, expected)
  console.log(`sums of the columns: ${found.map((sum) => sum.toFixed(2)).join(', ')}`)
}

region.close()
rmSync(folder, { recursive: true })
