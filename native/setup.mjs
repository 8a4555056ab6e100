/**
 * Makes a checkout ready to run: installs the dependencies, builds the addon, compiles the
 * TypeScript. Each step only when something changed since it was last done. Needs Node, npm,
 * python3, make and g++, and nothing from node_modules.
 *
 * Quiet unless a step fails: then the step's whole output and what to do next. Two calls at a time
 * take turns.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync, linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const at = (...parts) => join(ROOT, ...parts)
const SOURCE_FOLDERS = ['formats', 'lib', 'cli', 'tests', 'examples']

class StepFailed extends Error {}

// ───────────────────────── small tools ─────────────────────────

function run(what, command, args, advice) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (status === 0) return
  throw new StepFailed(`${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}\n`
    + `rstore: ${what} failed. ${advice()}`)
}

const runs = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0

const readText = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

/** Files below a folder, as paths from the root, sorted. */
function filesBelow(folder, ends) {
  if (!existsSync(at(folder))) return []
  return readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ends.some((end) => entry.name.endsWith(end)))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .filter((path) => !path.includes('node_modules'))
    .sort()
}

function hashOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(`${path}\0`).update(readFileSync(at(path))).update('\0')
  return hash.digest('hex')
}

// ───────────────────────── taking turns ─────────────────────────

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * The lock is a file with the holder's process id: made complete elsewhere, then linked, so that
 * nobody reads half of it.
 */
function takeTurn(lock) {
  mkdirSync(dirname(lock), { recursive: true })
  const own = `${lock}.${process.pid}`
  writeFileSync(own, String(process.pid))
  for (;;) {
    try {
      linkSync(own, lock)
      rmSync(own)
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = Number(readText(lock))
    if (holder > 0 && !isAlive(holder)) removeLockOf(holder, lock)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  }
}

/**
 * Moved aside before it is looked at again: another waiter may just have replaced it by its own.
 */
function removeLockOf(holder, lock) {
  const aside = `${lock}.${process.pid}.aside`
  try {
    renameSync(lock, aside)
  } catch (error) {
    if (error.code === 'ENOENT') return
    throw error
  }
  if (Number(readText(aside)) === holder) rmSync(aside)
  else renameSync(aside, lock)
}

// ───────────────────────── the steps ─────────────────────────

/**
 * Whether node_modules holds what package-lock.json says: npm lists there what it has installed.
 */
function isInstalled() {
  const installed = at('node_modules', '.package-lock.json')
  if (!existsSync(installed)) return false
  const found = JSON.parse(readText(installed)).packages
  const { '': _, ...wanted } = JSON.parse(readText(at('package-lock.json'))).packages
  return Object.entries(wanted).every(([path, { version, optional }]) =>
    found[path] === undefined ? optional === true : found[path].version === version)
}

function installDependencies() {
  if (isInstalled()) return
  run('npm ci', 'npm', ['ci', '--no-audit', '--no-fund'], () =>
    'Is the package registry reachable? Then run `npm ci` by hand to see more.')
}

/**
 * Headers of the Node that runs, where it was unpacked with them: nothing has to be downloaded
 * then.
 */
function nodeDirectoryOption() {
  const directory = join(dirname(process.execPath), '..')
  const known = process.env.npm_config_nodedir !== undefined
  const there = existsSync(join(directory, 'include', 'node', 'node_api.h'))
  return !known && there ? [`--nodedir=${directory}`] : []
}

function adviceForBuild() {
  const missing = ['python3', 'make', process.env.CXX ?? 'g++'].filter((tool) => !runs(tool))
  return missing.length > 0
    ? `Not found: ${missing.join(', ')}. Install what is missing and try again (Debian: `
      + 'apt install python3 make g++).'
    : 'The compiler\'s output is above. A C++20 compiler is needed (GCC 11, Clang 14 or later).'
}

function buildAddon() {
  const sources = filesBelow(join('native', 'src'), ['.cc', '.h'])
  const tools = ['native/binding.gyp', 'node_modules/node-addon-api/package.json']
  const hash = hashOf([...sources, ...tools])
  const stamp = at('native', 'build', 'rstore.stamp')
  const addon = at('native', 'build', 'Release', 'rstore.node')
  if (readText(stamp) === hash && existsSync(addon)) return
  const nodeGyp = at('node_modules', 'node-gyp', 'bin', 'node-gyp.js')
  run('Building the addon', process.execPath, [
    nodeGyp, 'configure', 'build', '-C', 'native', '-j', 'max', ...nodeDirectoryOption(),
  ], adviceForBuild)
  writeFileSync(stamp, hash)
}

/**
 * What a source compiles to; compiled files of sources that are gone would still be found and run.
 */
function removeOrphans(sources) {
  const wanted = new Set(sources.flatMap((path) =>
    ['.js', '.js.map', '.d.ts'].map((end) => join('dist', path.replace(/\.ts$/, end)))))
  for (const path of filesBelow('dist', ['.js', '.js.map', '.d.ts'])) {
    if (!wanted.has(path)) rmSync(at(path))
  }
}

function compileTypeScript() {
  const sources = SOURCE_FOLDERS.flatMap((folder) => filesBelow(folder, ['.ts']))
  const hash = hashOf([...sources, 'tsconfig.json', 'package.json', 'package-lock.json'])
  const stamp = at('dist', '.stamp')
  const complete = sources.every((path) => existsSync(at('dist', path.replace(/\.ts$/, '.js'))))
  if (complete && readText(stamp) === hash) return
  rmSync(stamp, { force: true })
  removeOrphans(sources)
  const tsc = at('node_modules', 'typescript', 'bin', 'tsc')
  run('Compiling the TypeScript', process.execPath, [tsc, '-p', ROOT], () =>
    'The compiler\'s messages are above.')
  writeFileSync(stamp, hash)
}

function main() {
  const lock = at('build', 'setup.lock')
  takeTurn(lock)
  try {
    installDependencies()
    buildAddon()
    compileTypeScript()
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    console.error(error.message)
    process.exitCode = 1
  } finally {
    rmSync(lock, { force: true })
  }
}

main()
