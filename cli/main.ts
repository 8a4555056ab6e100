#!/usr/bin/env node
/** `rstore`: see README.md, or `rstore --help`. */
import { readFileSync } from 'node:fs'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { inspectCommand } from './commands/inspect.js'
import { EXIT } from './exitCodes.js'
import { escapeText } from './print/escape.js'
import { endQuietlyOnBrokenPipe, printError } from './print/output.js'
import { NotReadable } from './read/identity.js'

const versionOfPackage = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

class UsageError extends Error {}

/** What went wrong, as an exit code; undefined for what is our own fault. */
function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof UsageError) return EXIT.usage
  const isSystemError = error instanceof Error && 'syscall' in error
  const isFolder = error instanceof Error && 'code' in error && error.code === 'EISDIR'
  return error instanceof NotReadable || isSystemError || isFolder ? EXIT.cannotOpen : undefined
}

async function main(): Promise<void> {
  endQuietlyOnBrokenPipe()
  const parser = yargs(hideBin(process.argv))
    .scriptName('rstore')
    .usage('$0 <command>')
    .command(inspectCommand)
    .demandCommand(1, 'Say what to do: a command is missing.')
    .strict()
    .version(versionOfPackage())
    .alias('help', 'h')
    .epilogue('Exit codes: 0 good, 1 damage found, 2 usage, 3 cannot open, 4 busy.')
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(`${message}\nTry \`rstore --help\`.`)
    })
  try {
    await parser.parseAsync()
  } catch (error) {
    const code = exitCodeOf(error)
    if (code === undefined) throw error
    for (const line of (error as Error).message.split('\n')) printError(escapeText(line))
    process.exitCode = code
  }
}

await main()
