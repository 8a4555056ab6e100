/**
 * A reader that does nothing after its first look, or one that never stops looking:
 * memory-reader.js PATH idle|busy COUNT PRIVATE_BYTES
 */
import { Region } from '../../lib/index.js'
import { say } from '../harness/child.js'
import { valuesOf } from './overwriting.js'
import { Random } from './random.js'

const [path, role, count, privateBytes] = process.argv.slice(2) as [string, string, string, string]
const region = Region.open(path, { readOnly: true, privateBytes: Number(privateBytes) })
const values = valuesOf(region as unknown as Region)
const random = new Random(1)

/** Every value is of one transaction. */
function look(): void {
  region.read(() => {
    for (let i = 0; i < 200; i++) {
      const value = values.get(random.below(Number(count)))!
      if (value[0] !== value[value.length - 1]) throw new Error('a value of two transactions')
    }
  })
}

look()
say({ ready: true })
if (role === 'idle') setInterval(() => undefined, 1e6)
for (; role === 'busy'; await new Promise((resolve) => setTimeout(resolve, 2))) {
  look()
  say({ rounds: 1 })
}
