/** What the scripts that build have in common. Needs nothing from node_modules. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of package.json: a checkout, or an installed package. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
export const at = (...parts) => join(ROOT, ...parts)

/** Its message is all that the user needs to see. */
export class StepFailed extends Error {}

/** Quiet unless it fails: then its whole output and what to do next. */
export function run(what, command, args, advice, { cwd = ROOT, env = {} } = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  if (status === 0) return stdout
  throw new StepFailed(`${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}\n`
    + `rstore: ${what} failed. ${advice()}`)
}

export const runs = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0

export const readText = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

/** Files below a folder, as paths from the root, sorted. */
export function filesBelow(folder, ends) {
  if (!existsSync(at(folder))) return []
  return readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ends.some((end) => entry.name.endsWith(end)))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .filter((path) => !path.includes('node_modules'))
    .sort()
}

export function hashOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(`${path}\0`).update(readFileSync(at(path))).update('\0')
  return hash.digest('hex')
}

/** Runs a script's `main`; of a step that failed only the message is shown. */
export function runMain(main) {
  try {
    main()
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}
