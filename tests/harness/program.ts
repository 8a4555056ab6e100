/** Programs that a test runs to their end. */
import { spawn } from 'node:child_process'

export interface Outcome { output: string; status: number | string }

/** Nothing is thrown away of what the program says, nor how it ended. */
export function runProgram(
  program: string, args: readonly string[], { env = {}, cwd }: { env?: object; cwd?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (part: Buffer) => { output += part })
    child.stderr.on('data', (part: Buffer) => { output += part })
    child.on('error', (error) => resolve({ output: error.message, status: 'not started' }))
    child.on('close', (code, signal) => resolve({ output, status: code ?? signal ?? 'unknown' }))
  })
}
