/** A process that moves entries between two maps, with as many checkpoints as it can make. */
import { Region, t } from '../../lib/index.js'

const region = Region.create(process.argv[2]!, {
  capacity: '64MiB', durability: 'none', logBytes: '1MiB',
})
const left = region.map('left', t.u32, t.string)
const right = region.map('right', t.u32, t.string)

region.transact(() => {
  for (let i = 0; i < 20_000; i++) left.set(i, `entry ${i}`)
})
console.log('ready')

for (let round = 0; ; round++) {
  const [from, to] = round % 2 === 0 ? [left, right] : [right, left]
  for (let first = 0; first < 20_000; first += 500) {
    region.transact(() => {
      for (let i = first; i < first + 500; i++) {
        to.set(i, `entry ${i}, round ${round}`)
        from.delete(i)
      }
    })
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
