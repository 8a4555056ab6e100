/**
 * `npm run crash:random`: random workloads, crashed everywhere, over a log of tiny segments.
 * Arguments go to the program (crash-test.cc): random=N, seed=N, or one case again.
 */
import { spawn } from 'node:child_process'
import { buildTinyCrashTest } from './tiny.js'

const program = await buildTinyCrashTest()
const given = process.argv.slice(2)
const child = spawn(program, given.length > 0 ? given : ['random=1000'], { stdio: 'inherit' })
child.on('close', (code) => { process.exitCode = code ?? 1 })
