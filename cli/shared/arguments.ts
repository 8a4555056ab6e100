/**
 * Arguments on their way through yargs, and what it makes of them.
 *
 * yargs does not count what follows `--` to the arguments of a command, makes an empty string of
 * `-`, and takes a last `help` for the option. Such arguments go through it behind a character that
 * no argument can have.
 */
import { UsageError } from './errors.js'

const VEIL = '\0'

/** Arguments that are paths; any other may be empty, as a key. */
const FILES = new Set(['path', 'file', 'out', 'output', 'input', 'html', 'schema'])

/** For the shell, which asks what could stand where somebody is typing. */
const COMPLETIONS = '--get-yargs-completions'

export function veiled(args: readonly string[]): string[] {
  if (args[0] === COMPLETIONS) return [...args]
  const end = args.includes('--') ? args.indexOf('--') : args.length
  return args.flatMap((arg, i) => {
    if (i === end) return []
    return i > end || arg === '-' || (arg === 'help' && i > 1) ? [VEIL + arg] : [arg]
  })
}

/** Text with arguments in it, as they were. */
export const unveiled = (text: string): string => text.replaceAll(VEIL, '')

/**
 * The arguments as they were given, to be used by a command. Throws a UsageError for an option that
 * is given twice, for a number that is none, and for a file without a name. (An option that may be
 * given several times makes something else than an array of its values.)
 */
export function argumentsFrom(parsed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = Object.entries(parsed).filter(([name]) => name !== '_')
  return Object.fromEntries(given.map(([name, value]) => {
    if (Array.isArray(value)) throw new UsageError(`--${name} is given more than once`)
    if (value === '' && FILES.has(name)) {
      throw new UsageError(`${name}: the name of a file is empty`)
    }
    if (Number.isNaN(value)) throw new UsageError(`--${name} must be a number`)
    return [name, typeof value === 'string' ? unveiled(value) : value]
  }))
}
