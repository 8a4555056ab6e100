/** What yargs says of arguments, in our words: what is wrong, and where there is help. */
import { COMMANDS } from '../commands/index.js'
import { unveiled } from './arguments.js'
import type { Listing } from './command.js'
import { UsageError } from './errors.js'

const optionNamed = (name: string): string => `${name.length === 1 ? '-' : '--'}${name}`

/** yargs names an option of several words twice: `some-option, someOption`. */
const isCamelCase = (name: string): boolean => /[a-z][A-Z]/.test(name)

function optionsText(names: string): string {
  const given = names.split(', ')
  const dashed = given.filter((name) => !isCamelCase(name))
  return (dashed.length === 0 ? given : dashed).map(optionNamed).join(', ')
}

const TEXTS: readonly (readonly [ofYargs: RegExp, own: (told: string) => string])[] = [
  [/^Not enough non-option arguments: /, () => 'Too few arguments'],
  [/^Not enough arguments following: (.*)$/, (option) => `${optionNamed(option)} needs a value`],
  [/^Unknown arguments?: (.*)$/, (names) => `Unknown option: ${optionsText(names)}`],
  [/^Invalid values:\s+Argument: (.*, Given: .*, Choices: .*)$/, (told) => {
    const [, name, given, choices] = /^(.*), Given: (.*), Choices: (.*)$/.exec(told)!
    return `--${name}: ${given} is none of ${choices}`
  }],
]

/** What yargs takes for commands are arguments too many, where there is a command. */
function unknownText(words: string, isOfCommand: boolean): string {
  return isOfCommand ? `Too many arguments: ${words}` : `Unknown command: ${words.split(', ')[0]}`
}

function ownText(message: string, isOfCommand: boolean): string {
  const [, words] = /^Unknown commands?: (.*)$/.exec(message) ?? []
  if (words !== undefined) return unknownText(words, isOfCommand)
  for (const [ofYargs, own] of TEXTS) {
    const match = ofYargs.exec(message)
    if (match !== null) return own(match[1] ?? '')
  }
  return message
}

const commandOf = (word: string | undefined): Listing | undefined =>
  COMMANDS.find(({ command }) => command.split(' ')[0] === word)

/** Of what yargs says of these arguments; `veiled` as they went through it. */
export function usageError(message: string, args: readonly string[]): UsageError {
  // An option may stand before the command, and its value be no command.
  const word = args.find((arg, i) => !arg.startsWith('-')
    && (commandOf(arg) !== undefined || i === 0 || !args[i - 1]!.startsWith('-')))
  const used = commandOf(word)
  const told = ownText(unveiled(message), used !== undefined)
  const isMaybeName = told.startsWith('Unknown option') && used?.command.includes('<map>') === true
  const text = isMaybeName ? `${told}. A name or key that begins with - goes behind --` : told
  return new UsageError(used === undefined
    ? `${text}\nTry \`rstore --help\`.`
    : `${text}\nUsage: rstore ${used.command}. See \`rstore ${word} --help\`.`)
}
