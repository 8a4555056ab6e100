/** Options that several commands have. */
import type { Argv } from 'yargs'

const WAIT_SECONDS = 5

export const FILE = {
  type: 'string', demandOption: true,
  describe: 'A region file, or DIR/NAME: a region of the store in DIR',
} as const

export const jsonOption = <T>(yargs: Argv<T>, describe: string) =>
  yargs.option('json', { type: 'boolean', default: false, describe })

/** yargs makes an empty string of the argument `-`. */
export const isStandardInput = (argument: string): boolean => argument === '-' || argument === ''

/** For commands that write. */
export const waitOption = <T>(yargs: Argv<T>) => yargs.option('wait', {
  type: 'number', default: WAIT_SECONDS, describe: 'Seconds to wait while another process writes',
})

export const waiting = ({ wait }: { wait: number }): { timeoutMs: number } =>
  ({ timeoutMs: wait * 1000 })
