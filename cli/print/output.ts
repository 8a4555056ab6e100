/** What commands print: lines for people, or one JSON document. */

/** Numbers of 64 bits as numbers where that is exact, else as strings. */
const plain = (_: string, value: unknown): unknown => {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

export const toJson = (value: unknown): string => JSON.stringify(value, plain, 2)

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

export const printError = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

/** A reader of our output that goes away (`| head`) is no error. */
export function endQuietlyOnBrokenPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
}
