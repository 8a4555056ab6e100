/**
 * `npm run crash:all`: every operation of the workload, in every mode. Arguments go to the program
 * (crash-test.cc): a mode, an operation, seed=N.
 */
import { spawn } from 'node:child_process'
import { FLAGS, buildProgram } from '../compile.js'

const program = await buildProgram('crash/crash-test', { flags: FLAGS.plain })
const child = spawn(program, ['all', ...process.argv.slice(2)], { stdio: 'inherit' })
child.on('close', (code) => { process.exitCode = code ?? 1 })
