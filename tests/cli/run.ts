/** Runs `rstore` as a program. */
import { spawnSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import { EXIT } from '../../cli/shared/exit-codes.js'
import { inRoot } from '../harness/paths.js'

export const PROGRAM = inRoot('dist/bundle/main.js')
const TERMINAL = inRoot('dist/tests/cli/terminal.js')

export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
}

/** To its end; `input` is its standard input. */
export const rstore = (args: readonly string[], input: string | Buffer = ''): Outcome =>
  runNode([PROGRAM, ...args], input)

/** The same, for a terminal. */
export const rstoreOnTerminal = (args: readonly string[]): Outcome =>
  runNode(['--import', TERMINAL, PROGRAM, ...args])

/** The standard output of what went well, and had nothing to say about it. */
export function good({ status, stdout, stderr }: Outcome): string {
  assert.equal([status, stderr], [EXIT.ok, ''])
  return stdout
}

function runNode(args: readonly string[], input: string | Buffer = ''): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, args,
    { encoding: 'utf8', input, maxBuffer: 2 ** 28 })
  return { status, stdout, stderr }
}
