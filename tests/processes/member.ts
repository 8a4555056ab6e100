/** A child with the region open that does as it is told, line by line: member.js PATH */
import { Region } from '../../lib/index.js'
import { heard, say } from '../harness/child.js'
import { answer } from './answering.js'

const region = Region.openOrCreate(process.argv[2]!, { capacity: '8MiB', durability: 'none' })
say({ open: true })
for await (const request of heard()) {
  if (request.exit) break
  const reply = answer(region, request, say)
  if (reply !== undefined) say(reply)
}
region.close()
process.exit(0)
