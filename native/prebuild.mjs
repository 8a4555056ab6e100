/**
 * Makes the binaries that the package ships, native/prebuilds/linux-<arch>/rstore.node:
 *
 *   node native/prebuild.mjs              this machine's, and those it has a cross compiler for
 *   node native/prebuild.mjs x64 arm64    these, or it fails
 *
 * One binary for each platform: Node-API is the same in every Node. They need glibc 2.28, as Node
 * does, and no C++ runtime; see native/src/binding/old-glibc.cc and binding.gyp.
 */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { arch } from 'node:process'
import { dirname, join } from 'node:path'
import { addonSources, buildAddon, runNodeGyp } from './build.mjs'
import { StepFailed, at, hashOf, readText, run, runMain, runs } from './tools.mjs'

/** What the tools of each architecture begin with, and Debian's package of the compiler. */
const PLATFORMS = {
  x64: { tools: 'x86_64-linux-gnu-', debian: 'g++-x86-64-linux-gnu' },
  arm64: { tools: 'aarch64-linux-gnu-', debian: 'g++-aarch64-linux-gnu' },
}
const MOST_GLIBC = 28
/** Libraries that are wherever Node runs. */
const WITH_GLIBC = /^(libc|libm|libpthread|libdl|libgcc_s|ld-linux-.*)\.so/

const binaryOf = (target) => at('native', 'prebuilds', `linux-${target}`, 'rstore.node')

/** Of the checkout's own architecture: the addon that the tests test. */
function buildHere() {
  buildAddon()
  return at('native', 'build', 'Release', 'rstore.node')
}

/** In a folder of its own: node-gyp always builds into `build`. */
function crossBuild(target, { tools }) {
  const folder = join('build', 'cross', target)
  const addon = at(folder, 'native', 'build', 'Release', 'rstore.node')
  const stamp = at(folder, 'stamp')
  const hash = hashOf(addonSources())
  if (readText(stamp) === hash && existsSync(addon)) return addon
  rmSync(at(folder), { recursive: true, force: true })
  cpSync(at('native', 'src'), at(folder, 'native', 'src'), { recursive: true })
  cpSync(at('native', 'binding.gyp'), at(folder, 'native', 'binding.gyp'))
  const compilers = { CC: `${tools}gcc`, CXX: `${tools}g++`, LINK: `${tools}g++` }
  runNodeGyp(join(folder, 'native'), [`--arch=${target}`], compilers)
  writeFileSync(stamp, hash)
  return addon
}

/** A binary that asks for more than it should would be refused on older systems. */
function checkNeeds(path, readelf) {
  const shown = run('Reading the binary', readelf, ['--wide', '--dynamic', '--version-info', path],
    () => 'binutils is needed.')
  const needed = [...shown.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name)
  const versions = [...shown.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor))
  const wrong = needed.filter((name) => !WITH_GLIBC.test(name))
  if (wrong.length > 0) throw new StepFailed(`rstore: ${path} needs ${wrong.join(', ')}`)
  const glibc = Math.max(...versions)
  if (glibc > MOST_GLIBC) throw new StepFailed(`rstore: ${path} needs glibc 2.${glibc}`)
}

function prebuild(target, platform) {
  const own = target === arch
  const tools = own ? '' : platform.tools
  const addon = own ? buildHere() : crossBuild(target, platform)
  const binary = binaryOf(target)
  mkdirSync(dirname(binary), { recursive: true })
  run('Stripping the binary', `${tools}strip`, ['--strip-unneeded', '-o', binary, addon],
    () => 'binutils is needed.')
  checkNeeds(binary, `${tools}readelf`)
  console.error(`rstore: native/prebuilds/linux-${target}/rstore.node`)
}

function main() {
  const wanted = process.argv.slice(2)
  const targets = wanted.length > 0 ? wanted : Object.keys(PLATFORMS)
  for (const target of targets) {
    const platform = PLATFORMS[target]
    if (platform === undefined) throw new StepFailed(`rstore: no binaries for ${target}`)
    rmSync(dirname(binaryOf(target)), { recursive: true, force: true })
    if (target === arch || runs(`${platform.tools}g++`)) {
      prebuild(target, platform)
      continue
    }
    const message = `rstore: not made for linux-${target}: there is no ${platform.tools}g++ here `
      + `(Debian: apt install ${platform.debian})`
    if (wanted.length > 0) throw new StepFailed(message)
    console.error(message)
  }
}

runMain(main)
