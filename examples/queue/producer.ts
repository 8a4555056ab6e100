/** Puts requests into the queue of a store: producer.js <folder> <first number> <count> */
import { Store } from 'rstore'
import { Queue } from './queue.js'

const [dir, first, count] = process.argv.slice(2)
const store = Store.open(dir!)
const queue = new Queue(store)
for (let i = 0; i < Number(count); i++) {
  const number = Number(first) + i
  queue.put({ number, path: `/request/${number}`, body: [number, 1, 2] })
  if (i % 16 === 15) await new Promise(setImmediate)  // the store tidies up between turns
}
store.close()
