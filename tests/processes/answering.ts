/** What members and workers do when they are asked. */
import { t, type Region } from '../../lib/index.js'

type Message = Record<string, any>

/**
 * @param tell called inside of a transaction that has changed something and is then held for
 * `hold` milliseconds
 */
export function answer(
  region: Region,
  request: Message,
  tell: (message: Message) => void,
): Message | undefined {
  const numbers = region.map('numbers', t.u32, t.u32)
  if (request['hold'] !== undefined) {
    region.transact(() => {
      numbers.set(1_000_000, 1)
      numbers.set(0, 123_456)
      tell({ holding: true })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, request['hold'])
    })
    return { released: true }
  }
  if (request['increments'] !== undefined) {
    for (let i = 0; i < request['increments']; i++) {
      region.transact(() => numbers.update(0, (old = 0) => old + 1))
    }
    return { done: request['increments'] }
  }
  if (request['set'] === undefined) return undefined
  region.transact(() => numbers.set(5, request['set']))
  return { epoch: region.stats().epoch, at: performance.timeOrigin + performance.now() }
}
