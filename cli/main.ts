#!/usr/bin/env node
/**
 * `rstore`: see README.md, or `rstore --help`. What a command needs is loaded when it is run.
 */
import { readFileSync } from 'node:fs'
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { COMMANDS } from './commands/index.js'
import { BrokenPipe, print } from './print/output.js'
import type { Listing } from './shared/command.js'
import { argumentsFrom, veiled } from './shared/arguments.js'
import { report } from './shared/errors.js'
import { EXIT_MEANINGS } from './shared/exit-codes.js'
import { usageError } from './shared/usage.js'

/** What a shell shows of a program that SIGPIPE ended, as it ends other programs. */
const BROKEN_PIPE_EXIT = 128 + 13

const LONGEST_LINE = 100

const ARGS = hideBin(process.argv)

const versionOfPackage = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

const exitCodesText = (): string =>
  `Exit codes: ${EXIT_MEANINGS.map(([code, meaning]) => `${code} ${meaning}`).join('; ')}.`

/** What yargs throws by itself, without `fail`: an option without its value. */
const asUsageError = (error: unknown): unknown =>
  error instanceof Error && error.name === 'YError' ? usageError(error.message, ARGS) : error

const addCommand = (parser: Argv, { command, describe, load }: Listing): Argv =>
  parser.command(
    command, describe,
    async (commandParser) => (await load()).options(commandParser),
    async (args) => (await load()).run(argumentsFrom(args)))

const makeParser = (): Argv =>
  COMMANDS.reduce(addCommand, yargs())
    .locale('en')  // as all that we say ourselves
    .scriptName('rstore')
    .usage('$0 <command>\n\nLooks into region files, changes and moves what is in them.')
    .demandCommand(1, 'A command is missing: say what to do.')
    .completion('completion', 'Print a script for the shell: see `rstore completion --help`')
    .strictCommands()
    .strict()
    .version(versionOfPackage())
    .alias('help', 'h')
    .epilogue(exitCodesText())
    .wrap(Math.min(LONGEST_LINE, process.stdout.columns ?? LONGEST_LINE))
    .exitProcess(false)

/** Runs what the arguments ask for, and prints what yargs has to say. */
async function main(args: readonly string[]): Promise<void> {
  let said = ''
  const parser = makeParser().fail((message, error) => {
    throw error ?? usageError(message, args)
  })
  await parser.parseAsync(veiled(args), {}, (error, _parsed, output) => {
    if (error) throw error
    said = output
  })
  if (said !== '') print(said)
}

try {
  await main(ARGS)
} catch (error) {
  process.exitCode = error instanceof BrokenPipe ? BROKEN_PIPE_EXIT : report(asUsageError(error))
}
