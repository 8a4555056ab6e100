/**
 * Finds the addon and loads it: what was built from source in this folder, else the prebuilt binary
 * of the platform that the package ships.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { RStoreError } from '../errors.js'

// Not imported from 'node:process': that opens stdin, which then does not block any more.
const { arch, platform } = process

/** Where a package has it. */
const BUILDER = join('native', 'build.mjs')

/** The folder of the package; undefined where a bundler has put this file into another program. */
function packageRoot(): string | undefined {
  const { url } = import.meta as { url?: string }
  if (url === undefined) return undefined  // the bundle is CommonJS
  let folder = dirname(fileURLToPath(url))
  while (!existsSync(join(folder, BUILDER))) {
    if (folder === dirname(folder)) return undefined
    folder = dirname(folder)
  }
  return folder
}

const UNBUNDLE = 'Keep rstore out of the bundle (esbuild: --external:rstore), and install it '
  + 'beside the bundle'

/** What to do where there is no addon that can be loaded. */
function adviceFor(root: string | undefined): string {
  if (platform !== 'linux') {
    return 'rstore runs on Linux. Here, packed regions can be read with Packed.load after '
      + '"npm install mmap-io@npm:@riaskov/mmap-io@^1.4.3"'
  }
  if (arch !== 'x64' && arch !== 'arm64') return 'rstore runs on x64 and arm64 processors'
  if (root === undefined) return UNBUNDLE
  return `Build it with "node ${join(root, BUILDER)}"; that needs python3, make and `
    + 'a C++20 compiler'
}

/** Where Node was told to load none. */
const ALLOW_ADDONS = 'Start Node without --no-addons, and under its permission model with '
  + '--allow-addons'

/** Throws RSTORE_NO_ADDON. */
export function loadAddon(): unknown {
  const root = packageRoot()
  const name = process.env['RSTORE_TEST_ADDON'] ?? 'rstore.node'
  const prebuilt = join('native', 'prebuilds', `${platform}-${arch}`, name)
  const path = root === undefined ? undefined : [join('native', 'build', 'Release', name), prebuilt]
    .map((candidate) => join(root, candidate)).find((candidate) => existsSync(candidate))
  let reason = root === undefined ? 'a bundler left it behind'
    : `there is none for ${platform}-${arch}`
  let advice = adviceFor(root)
  if (path !== undefined) {
    try {
      return createRequire(import.meta.url)(path)
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException
      reason = message.replace(/\.$/, '')
      if (code === 'ERR_DLOPEN_DISABLED') advice = ALLOW_ADDONS
    }
  }
  throw new RStoreError('RSTORE_NO_ADDON',
    `the native addon could not be loaded: ${reason}. ${advice}.`,
    { path: path ?? join(root ?? '', prebuilt), platform, arch })
}
