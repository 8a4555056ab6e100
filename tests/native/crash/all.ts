/**
 * `npm run crash:all`: every operation of the workload, in every mode. Arguments go to the program
 * (crash-test.cc): a mode, an operation, seed=N.
 */
import { spawn } from 'node:child_process'
import { inRoot } from '../../harness/paths.js'
import { buildProgram } from '../compile.js'

const source = inRoot('tests/native/crash/crash-test.cc')
const program = await buildProgram(source, 'crash-all', { flags: [] })
const child = spawn(program, ['all', ...process.argv.slice(2)], { stdio: 'inherit' })
child.on('close', (code) => { process.exitCode = code ?? 1 })
