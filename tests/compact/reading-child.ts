/** Reads a region again and again, and says what it found; ends when it is told to. */
import { Region } from '../../lib/index.js'
import { heard, say } from '../harness/child.js'
import { check } from './shapes.js'

const [path, count] = [process.argv[2]!, Number(process.argv[3])]
const region = Region.open(path)
say({ open: true })
let over = false
let rounds = 0
void (async () => {
  for await (const _ of heard()) over = true
})()
while (!over) {
  const snapshot = region.snapshot()
  check(region, count)
  await new Promise(setImmediate)
  check({ read: (fn: () => unknown) => fn(), ...bound(snapshot) } as never, count)
  snapshot.close()
  rounds++
}
region.close()
say({ rounds })
process.exit(0)

function bound(snapshot: any): object {
  return {
    map: snapshot.map.bind(snapshot), value: snapshot.value.bind(snapshot),
    multimap: snapshot.multimap.bind(snapshot),
  }
}
