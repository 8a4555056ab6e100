/**
 * Builds the addon from source, in a checkout or in an installed package for whose platform there
 * is no prebuilt one:
 *
 *   node node_modules/rstore/native/build.mjs
 *
 * Needs python3, make and a C++20 compiler.
 */
import { existsSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT, StepFailed, at, filesBelow, hashOf, readText, run, runMain, runs } from './tools.mjs'

/** What an installed package, which has no node-gyp, fetches. */
const NODE_GYP = 'node-gyp@^12.1.0'

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

/** Everything that the addon is made of, as paths from the root. */
export function addonSources() {
  const napi = createRequire(import.meta.url).resolve('node-addon-api/package.json')
  return [
    ...filesBelow(join('native', 'src'), ['.cc', '.h']),
    join('native', 'binding.gyp'),
    relative(ROOT, napi),
  ]
}

/** Runs node-gyp in a folder with a binding.gyp. */
export function runNodeGyp(folder, options, env) {
  const own = at('node_modules', 'node-gyp', 'bin', 'node-gyp.js')
  const [command, ...first] = existsSync(own)
    ? [process.execPath, own]
    : ['npm', 'exec', '--yes', `--package=${NODE_GYP}`, '--', 'node-gyp']
  run('Building the addon', command, [
    ...first, 'configure', 'build', '-C', folder, '-j', 'max', ...nodeDirectoryOption(), ...options,
  ], adviceForBuild, { env })
}

/** Into native/build, when something changed since it was last done. */
export function buildAddon() {
  if (process.platform !== 'linux') {
    throw new StepFailed(`rstore: the native part is for Linux, not ${process.platform}. Packed `
      + 'regions can be read through mmap-io: npm install mmap-io@npm:@riaskov/mmap-io@^1.4.3')
  }
  const hash = hashOf(addonSources())
  const stamp = at('native', 'build', 'rstore.stamp')
  const addon = at('native', 'build', 'Release', 'rstore.node')
  if (readText(stamp) === hash && existsSync(addon)) return
  runNodeGyp('native', [])
  writeFileSync(stamp, hash)
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  runMain(buildAddon)
}
