/**
 * The queue for long: queue-long.js [requests] [batch], a million by default. Processes are killed
 * on the way; at the end nothing may be left.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Store } from 'rstore'
import { runQueue } from './queue-run.js'

const [requests = 1_000_000, batch = 50] = process.argv.slice(2).map(Number)
const dir = mkdtempSync(join(tmpdir(), 'rstore-queue-'))
Store.open(dir, { create: true }).close()
const { put, taken, overwritten, seconds } = await runQueue(dir, {
  requests, producers: 2, consumers: 2, batch, killAfter: Math.floor(requests / 10),
})
rmSync(dir, { recursive: true })
console.log(`${put} requests in ${seconds.toFixed(0)} s: ${Math.round(put / seconds)} a second; `
  + `${taken} taken, ${overwritten} overwritten, nothing left`)
