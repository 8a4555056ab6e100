/** A program that keeps Node's pool of threads busy for as long as it likes. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, open, openSync } from 'node:fs'

/**
 * Does the work while every thread of the pool waits for something else.
 * @param pipe where nothing is yet
 */
export async function withBusyPool(pipe: string, work: () => Promise<void>): Promise<void> {
  execFileSync('mkfifo', [pipe])
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4)
  const opened = Array.from({ length: threads }, () => new Promise<void>((resolve, reject) => {
    open(pipe, 'r', (error, fd) => {
      if (error !== null) return reject(error)
      closeSync(fd)
      resolve()
    })
  }))
  try {
    await work()
  } finally {
    const end = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
    await Promise.all(opened)
    closeSync(end)
  }
}
