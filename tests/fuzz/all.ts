/** `npm run fuzz [files [seed]]`: 100,000 damaged files; says where it is. */
import { Fuzzing } from './fuzzing.js'

const [files = 100_000, first = Math.floor(Math.random() * 2 ** 31)] =
  process.argv.slice(2).map(Number)
const fuzzing = new Fuzzing()
console.log(`seeds from ${first} on`)
for (let i = 0; i < files; i++) {
  await fuzzing.run(first + i)
  if ((i + 1) % 1000 === 0) console.log(i + 1, JSON.stringify(fuzzing.counts))
}
