/**
 * A child that waits for commits of others and does nothing else: epochs-child.js PATH. It says
 * which threads it had before it waited, and which epochs it is told.
 */
import { Region } from '../../lib/index.js'
import { say } from '../harness/child.js'
import { threadsOf } from './threads.js'

const region = Region.open(process.argv[2]!, { readOnly: true })
const before = threadsOf(process.pid)
const iterator = region.epochs()[Symbol.asyncIterator]()
const first = iterator.next()
say({ watchers: threadsOf(process.pid).filter((thread) => !before.includes(thread)) })
say({ epoch: (await first).value })
await iterator.return!()
region.close()
