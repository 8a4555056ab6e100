/**
 * `npm run repair:long [files [seed]]`: files of which 1 % is damaged, 2,000 of them; says which
 * seeds lose what is whole, and goes on.
 */
import { C } from '../../formats/index.js'
import { withRegion } from '../harness/with-region.js'
import { FILLS, HEADER, type Always, type Damage } from './damage.js'
import { repairKinds } from './kinds.js'
import { repairTowns } from './towns.js'

const TABLE = C.CHECKSUM_PAGE
const ALWAYS: readonly Always[] = [
  [], [5], HEADER, ['first'], ['second'], [5, 'second'], [...HEADER, 'first'],
  [TABLE], [...HEADER, TABLE], [...HEADER, TABLE, 'first'], [3, 'second'],
]
const KINDS = [100, 600, 2_000]

const [files = 2_000, first = Math.floor(Math.random() * 2 ** 31)] =
  process.argv.slice(2).map(Number)
console.log(`seeds from ${first} on`)
let failed = 0
for (let seed = first; seed < first + files; seed++) {
  const always = ALWAYS[seed % ALWAYS.length]!
  const fill = FILLS[Math.floor(seed / 6) % FILLS.length]!
  const canBe = fill !== 'others' || !always.includes(TABLE)
  const damage: Damage = { seed, always, fill: canBe ? fill : 'random' }
  const kinds = KINDS[Math.floor(seed / 2) % KINDS.length]!
  const isOfTowns = seed % 2 === 0
  const run = withRegion((place) => isOfTowns ? repairTowns(place, damage)
    : repairKinds(place, kinds, damage))
  await run().catch((error: unknown) => {
    failed++
    const of = isOfTowns ? 'towns' : `${kinds} of each kind`
    console.log(`seed ${seed}, ${of}, ${damage.fill}, always ${always.join(', ')}: ${error}`)
  })
  if ((seed - first + 1) % 100 === 0) console.log(seed - first + 1, failed, 'failed')
}
process.exitCode = failed > 0 ? 1 : 0
