/**
 * Loads argv[3] into argv[2] in this process, with the options behind them, and says what that
 * took: {"peakBytes"}, memory of its own at most, files apart; {"ms", "cpuMs"}, time.
 */
import { readFileSync } from 'node:fs'
import yargs from 'yargs'
import { options, run } from '../../cli/commands/load.js'

const ownBytes = (): number =>
  Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024

const [file, input, ...given] = process.argv.slice(2)
let peakBytes = 0
const timer = setInterval(() => {
  peakBytes = Math.max(peakBytes, ownBytes())
}, 5)
const args = options(yargs()).parseSync([...given, '--json'])
const begun = performance.now()
const before = process.cpuUsage()
await run({ ...args, file: file!, input: input! })
const { user, system } = process.cpuUsage(before)
clearInterval(timer)
const ms = performance.now() - begun
console.log(JSON.stringify({ peakBytes, ms, cpuMs: (user + system) / 1000 }))
