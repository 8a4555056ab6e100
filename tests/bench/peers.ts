/**
 * The peers' packages: a package of their own below tests/bench, installed when the benchmark is
 * first run, so that neither users nor tests need them.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inRoot } from '../harness/paths.js'

const FOLDER = inRoot('tests/bench')
const require = createRequire(join(FOLDER, 'package.json'))

/** A peer's CommonJS package; throws where it is not installed. */
export const requirePeer = (name: string): any => require(name)

/** A package that is only there as ESM. */
export const importPeer = async (name: string): Promise<any> => {
  const folder = join(FOLDER, 'node_modules', name)
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return import(pathToFileURL(join(folder, exports['.'].default)).href)
}

export function versionOf(name: string): string {
  const path = join(FOLDER, 'node_modules', name, 'package.json')
  return JSON.parse(readFileSync(path, 'utf8')).version
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`)
}

/** Built from source: its install script would download a binary from elsewhere. */
function buildSqlite(): void {
  const folder = join(FOLDER, 'node_modules', 'better-sqlite3')
  if (existsSync(join(folder, 'build', 'Release', 'better_sqlite3.node'))) return
  const headers = join(dirname(process.execPath), '..')
  const there = existsSync(join(headers, 'include', 'node', 'node_api.h'))
  run(process.execPath, [
    inRoot('node_modules/node-gyp/bin/node-gyp.js'), 'rebuild', '--release',
    ...(there ? [`--nodedir=${headers}`] : []),
  ], folder)
}

/** Installs what is missing; the packages' own install scripts are not run. */
export function installPackages(): void {
  const lock = readFileSync(join(FOLDER, 'package-lock.json'), 'utf8')
  const stamp = join(FOLDER, 'node_modules', '.installed-lock.json')
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], FOLDER)
    writeFileSync(stamp, lock)
  }
}

export function installPeers(): void {
  installPackages()
  buildSqlite()
}
