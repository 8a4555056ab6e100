/**
 * Makes a checkout ready to run: installs the dependencies, builds the addon, compiles the
 * TypeScript, bundles what is compiled. Each step only when something changed since it was last
 * done. Needs Node, npm, python3, make and g++, and nothing from node_modules.
 *
 * Quiet unless a step fails: then the step's whole output and what to do next. Two calls at a time
 * take turns.
 */
import {
  existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { buildAddon } from './build.mjs'
import { ROOT, at, filesBelow, hashOf, readText, run, runMain } from './tools.mjs'

const SOURCE_FOLDERS = ['formats', 'lib', 'cli', 'tests', 'examples']
const BUNDLE = join('dist', 'bundle', '/')

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
 * What a source compiles to; compiled files of sources that are gone would still be found and run.
 */
function removeOrphans(sources) {
  const wanted = new Set(sources.flatMap((path) =>
    ['.js', '.js.map', '.d.ts'].map((end) => join('dist', path.replace(/\.ts$/, end)))))
  for (const path of filesBelow('dist', ['.js', '.js.map', '.d.ts'])) {
    if (!wanted.has(path) && !path.startsWith(BUNDLE)) rmSync(at(path))
  }
}

function compileAndBundle() {
  const sources = SOURCE_FOLDERS.flatMap((folder) => filesBelow(folder, ['.ts']))
  const hash = hashOf([
    ...sources, 'native/bundle.mjs', 'tsconfig.json', 'package.json', 'package-lock.json',
  ])
  const stamp = at('dist', '.stamp')
  const complete = existsSync(at(BUNDLE, 'main.js'))
    && sources.every((path) => existsSync(at('dist', path.replace(/\.ts$/, '.js'))))
  if (complete && readText(stamp) === hash) return
  rmSync(stamp, { force: true })
  removeOrphans(sources)
  const tsc = at('node_modules', 'typescript', 'bin', 'tsc')
  run('Compiling the TypeScript', process.execPath, [tsc, '-p', ROOT], () =>
    'The compiler\'s messages are above.')
  run('Bundling', process.execPath, [at('native', 'bundle.mjs')], () =>
    'The bundler\'s messages are above.')
  writeFileSync(stamp, hash)
}

function main() {
  const lock = at('build', 'setup.lock')
  takeTurn(lock)
  try {
    installDependencies()
    buildAddon()
    compileAndBundle()
  } finally {
    rmSync(lock, { force: true })
  }
}

runMain(main)
