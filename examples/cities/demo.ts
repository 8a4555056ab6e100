/**
 * `npm run demo`: 171,000 places of the world go into a region file; another process opens it where
 * it is, asks and changes it; a third sees the change; `rstore inspect` shows what is inside.
 */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { importPlaces } from './import.js'
import { REGION_PATH } from './schema.js'

interface Measure { openMs: number; rss: number }

const title = (text: string): void => console.log(`\n── ${text}\n`)

/** Runs another program of the demo in a process of its own; gives what it printed. */
function run(script: string, ...args: string[]): string {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [path, ...args], {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`${script} ended with ${status}:\n${stdout}`)
  return stdout.trimEnd()
}

/** The same for one whose last line is a measurement: shows the others. */
function measure(script: string): Measure {
  const lines = run(script).split('\n')
  console.log(lines.slice(0, -1).join('\n'))
  return JSON.parse(lines.at(-1)!) as Measure
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`

title('one process imports')
const begun = performance.now()
const count = importPlaces()
const seconds = ((performance.now() - begun) / 1000).toFixed(1)
console.log(`${count.toLocaleString('en')} places and their index in ${seconds} s: ${REGION_PATH}, `
  + mebibytes(statSync(REGION_PATH).blocks * 512))

title('another opens the file where it is')
const ours = measure('query.js')

title('a third one')
console.log(run('again.js'))

title('rstore inspect')
console.log(run('../../bundle/main.js', 'inspect', REGION_PATH))

title('the same data as JSON, in a fresh process')
const json = measure('parse.js')

title('from opening to the first answer')
const line = (name: string, { openMs, rss }: Measure): void =>
  console.log(`${name}  ${openMs.toFixed(1).padStart(7)} ms   resident ${mebibytes(rss)}`)
line('rstore    ', ours)
line('JSON.parse', json)
