/** A thread or process that appends its share, when all are ready. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { open, type Name, type Place } from './contenders.js'

export interface Task {
  readonly name: Name
  readonly place: Place
  readonly count: number
  /** Elements in one call; 1: push(). */
  readonly batch: number
}

/** Nanoseconds of the clock that all threads and processes share. */
export interface Times { readonly began: number; readonly ended: number }

function work({ name, place, count, batch }: Task, go: () => void): Times {
  const contender = open(name, place)
  const elements = new Float64Array(batch).fill(1.5)
  go()
  const began = Number(process.hrtime.bigint())
  if (batch === 1) for (let i = 0; i < count; i++) contender.push(i)
  else for (let i = 0; i < count; i += batch) contender.pushMany(elements)
  const ended = Number(process.hrtime.bigint())
  contender.close()
  return { began, ended }
}

// Members start together by a clock: each says when it is ready, and is told when to begin.
const port = isMainThread ? null : parentPort
const task = (isMainThread ? JSON.parse(process.argv[2]!) : workerData) as Task
const say = (message: unknown): void => {
  if (port === null) process.send!(message)
  else port.postMessage(message)
}
const begin = (at: number): void => {
  say(work(task, () => {
    while (Number(process.hrtime.bigint()) < at);
  }))
  if (port === null) process.disconnect()
  else port.close()
}
if (port === null) process.once('message', begin)
else port.once('message', begin)
say('ready')
