/**
 * One process of the queue: queue-member.js <folder> producer <first number> <count> <batch>, or
 * queue-member.js <folder> consumer, which says what it took until it is told that no more comes.
 */
import { Store } from 'rstore'
import { Queue, type NewRequest } from '../../examples/queue/queue.js'
import { heard, say } from '../harness/child.js'
import { wait } from '../harness/until.js'

const [dir, role, ...numbers] = process.argv.slice(2)
const [first = 0, count = 0, batch = 1] = numbers.map(Number)
const store = Store.open(dir!)
const queue = new Queue(store as never)

async function produce(): Promise<void> {
  for (let number = first; number < first + count;) {
    const requests: NewRequest[] = []
    while (requests.length < batch && number < first + count) {
      requests.push({ number, path: `/request/${number}`, body: [number, 1, 2] })
      number++
    }
    queue.put(...requests)
    say(number)
    await new Promise(setImmediate)
  }
}

async function consume(): Promise<void> {
  let ending = false
  void (async () => {
    for await (const _ of heard()) ending = true
    ending = true
  })()
  for (;;) {
    const last = ending
    const taken = queue.takeAll(64)
    for (const { number, path, sum } of taken) {
      if (path !== `/request/${number}` || sum !== number + 3) throw new Error(`wrong: ${number}`)
    }
    if (taken.length > 0) say(taken.map(({ number }) => number))
    else if (last) return
    await (taken.length > 0 ? new Promise(setImmediate) : wait(1))
  }
}

await (role === 'producer' ? produce() : consume())
store.close()
process.stdin.destroy()
