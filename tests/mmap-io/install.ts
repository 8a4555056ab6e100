/**
 * mmap-io: in a package of its own, installed when a test first needs it, so that neither users nor
 * newer Nodes do. It is compiled on this machine; it does not compile on Node 24 and later.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { inRoot } from '../harness/paths.js'

export const MMAP_IO_FOLDER = inRoot('tests/mmap-io')
const LAST_NODE = 22

/** Why mmap-io cannot be had here; undefined where it can. */
export const whyNotHere = (): string | undefined =>
  Number(process.versions.node.split('.')[0]) <= LAST_NODE
    ? undefined
    : `mmap-io does not compile on Node ${process.versions.node}: it needs ${LAST_NODE} or earlier`

/**
 * Where this Node's headers are: beside it, or, of the npm package `node`, in the package of the
 * platform. Undefined: node-gyp finds them, or loads them.
 */
function headersFolder(): string | undefined {
  const beside = join(dirname(process.execPath), '..')
  const ofPlatform = join(beside, 'node_modules', `node-${process.platform}-${process.arch}`)
  return [beside, ofPlatform].find((folder) =>
    existsSync(join(folder, 'include', 'node', 'node_api.h')))
}

/** Compiled for the Node that runs this. Throws what npm said when it cannot be installed. */
export function installMmapIo(): void {
  const lock = readFileSync(join(MMAP_IO_FOLDER, 'package-lock.json'), 'utf8')
  const wanted = `${process.versions.modules}\n${lock}`
  const stamp = join(MMAP_IO_FOLDER, 'node_modules', '.installed')
  const addon = join(MMAP_IO_FOLDER, 'node_modules/mmap-io/build/Release/mmap_io.node')
  const there = existsSync(addon) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
  if (there) return
  const headers = headersFolder()
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
  const { status, stdout, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: MMAP_IO_FOLDER,
    encoding: 'utf8',
    env: { ...process.env, PATH: path, ...(headers && { npm_config_nodedir: headers }) },
  })
  if (status !== 0) throw new Error(`mmap-io could not be installed:\n${stdout}${stderr}`)
  if (!existsSync(addon))
    throw new Error(`mmap-io was installed, but not compiled:\n${stdout}${stderr}`)
  writeFileSync(stamp, wanted)
}
