/** Runs `rstore` as a program. */
import { spawnSync } from 'node:child_process'
import { inRoot } from '../harness/paths.js'

export const PROGRAM = inRoot('dist/bundle/main.js')

export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
}

/** To its end; `input` is its standard input. */
export function rstore(args: readonly string[], input: string | Buffer = ''): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args],
    { encoding: 'utf8', input, maxBuffer: 2 ** 28 })
  return { status, stdout, stderr }
}
