/** Puts requests into the queue of a store: producer.js <folder> <first number> <count> <batch> */
import { Store } from 'rstore'
import { Queue } from './queue.js'

const [dir, first, count, batch] = process.argv.slice(2)
const store = Store.open(dir!)
const queue = new Queue(store)
const end = Number(first) + Number(count)
for (let number = Number(first); number < end; ) {
  const size = Math.min(Number(batch), end - number)
  queue.put(...Array.from({ length: size }, () => {
    const request = { number, path: `/request/${number}`, body: [number, 1, 2] }
    number++
    return request
  }))
  await new Promise(setImmediate)  // the store tidies up between turns
}
store.close()
