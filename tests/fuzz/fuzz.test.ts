/** 500 damaged files; `npm run fuzz` has 100,000. RSTORE_TEST_SEED begins at another one. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Fuzzing } from './fuzzing.js'

const test = suite('fuzz')

/** What the long run has found. */
const FOUND = [4_041_878, 700_000_915, 720_000_324, 780_003_011, 1_900_021_495]

test('seeds that found something', async () => {
  const fuzzing = new Fuzzing()
  for (const seed of FOUND) await fuzzing.run(seed)
})

test('500 damaged files', async () => {
  const first = Number(process.env['RSTORE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`RSTORE_TEST_SEED=${first}`)
  const fuzzing = new Fuzzing()
  for (let i = 0; i < 500; i++) await fuzzing.run(first + i)
  const { sound, damaged, refused } = fuzzing.counts
  assert.ok(damaged > 100 && refused > 0, `${sound} sound, ${damaged} damaged, ${refused} refused`)
})

test.run()
