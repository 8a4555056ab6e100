/** A worker thread that does as member.ts does. */
import { parentPort, workerData } from 'node:worker_threads'
import { Region } from '../../lib/index.js'
import { answer } from './answering.js'

const { path } = workerData as { path: string }
const region = Region.open(path, { durability: 'none' })
parentPort!.on('message', (request: Record<string, any>) => {
  if (request['exit']) return process.exit(0)
  const reply = answer(region, request, (message) => parentPort!.postMessage(message))
  if (reply !== undefined) parentPort!.postMessage(reply)
})
