/** What can go wrong in a command, as one line on standard error and an exit code. */
import type { RStoreError } from '../../lib/index.js'
import { escapeText } from '../print/escape.js'
import { printError } from '../print/output.js'
import { EXIT, exitCodeOfError, type ExitCode } from './exit-codes.js'

/** A command cannot do what it was asked to: told in plain words, with an exit code. */
export class CommandError extends Error {
  constructor(readonly exitCode: ExitCode, message: string) {
    super(message)
  }
}

/** What was asked for makes no sense, or is not there. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(EXIT.usage, message)
  }
}

/** The path names nothing that the command could read or write. */
export class CannotOpen extends CommandError {
  constructor(message: string) {
    super(EXIT.cannotOpen, message)
  }
}

/** Runs what checks something that the user wrote: misuse, for the library, is here theirs. */
export function asUsage<R>(what: string, check: () => R): R {
  try {
    return check()
  } catch (error) {
    const misuse = error instanceof TypeError || error instanceof RangeError
      || error instanceof SyntaxError
    throw misuse ? new UsageError(`${what}: ${error.message}`) : error
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && ('syscall' in error || 'code' in error && error.code === 'EISDIR')

/** By its name: the library is not loaded for a command that does without. */
const isRStoreError = (error: unknown): error is RStoreError =>
  error instanceof Error && error.name === 'RStoreError'

/** `cities.region: no such file or directory`, of Node's `ENOENT: no such …, open '…'`. */
function systemErrorText({ code, message, path }: NodeJS.ErrnoException): string {
  const [, what = message] = /^E[A-Z]+: (.*?)(?:,|$)/.exec(message) ?? []
  return path === undefined ? message : `${path}: ${what} [${code}]`
}

/** What the library advises a program to do, in words for whoever types commands. */
const ADVICE: readonly (readonly [ofLibrary: string, ofCommands: string])[] = [
  ['Try again, or raise timeoutMs', 'Try again; what writes waits for as long as --wait says'],
  ['Open with { readOnly: true }, or change the permissions',
    'Change the permissions: who only reads says so in a file beside it, too'],
]

const inOwnWords = (message: string): string =>
  ADVICE.reduce((text, [ofLibrary, own]) => text.replace(ofLibrary, own), message)

interface Told { exitCode: ExitCode; text: string }

function toldOf(error: unknown): Told {
  if (error instanceof CommandError) return { exitCode: error.exitCode, text: error.message }
  if (isRStoreError(error)) {
    const text = `${inOwnWords(error.message)} [${error.code}]`
    return { exitCode: exitCodeOfError(error), text }
  }
  if (isSystemError(error)) return { exitCode: EXIT.cannotOpen, text: systemErrorText(error) }
  const text = error instanceof Error ? error.stack ?? error.message : String(error)
  return { exitCode: EXIT.defect, text: `a defect of rstore, please report it: ${text}` }
}

/** Says what is wrong, safe for a terminal; gives the exit code. */
export function report(error: unknown): ExitCode {
  const { exitCode, text } = toldOf(error)
  const [first = '', ...more] = text.split('\n')
  printError(`rstore: ${escapeText(first)}`)
  for (const line of more) printError(escapeText(line))
  return exitCode
}
