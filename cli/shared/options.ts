/** Options that several commands have. */
import type { Argv } from 'yargs'
import { UsageError } from './errors.js'

const WAIT_SECONDS = 5

export const FILE = {
  type: 'string', demandOption: true,
  describe: 'A region file, or DIR/NAME: a region of the store in DIR',
} as const

export const jsonOption = <T>(yargs: Argv<T>, describe: string) =>
  yargs.option('json', { type: 'boolean', default: false, describe })

export const isStandardInput = (argument: string): boolean => argument === '-'

/** For commands that write. */
export const waitOption = <T>(yargs: Argv<T>) => yargs.option('wait', {
  type: 'number', default: WAIT_SECONDS, requiresArg: true,
  describe: 'Seconds to wait while another process writes',
})

export function waiting({ wait }: { wait: number }): { timeoutMs: number } {
  if (!(wait >= 0 && wait < Infinity)) throw new UsageError('--wait: seconds, from 0 on')
  return { timeoutMs: wait * 1000 }
}
