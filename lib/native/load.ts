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

/** The folder of package.json: two above the compiled file or one above the source. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/** What to do where there is no addon that can be loaded. */
function adviceFor(root: string): string {
  if (platform !== 'linux') {
    return 'rstore runs on Linux. Here, packed regions can be read with Packed.load after '
      + '"npm install mmap-io@npm:@riaskov/mmap-io@^1.4.3"'
  }
  if (arch !== 'x64' && arch !== 'arm64') return 'rstore runs on x64 and arm64 processors'
  return `Build it with "node ${join(root, 'native', 'build.mjs')}"; that needs python3, make and `
    + 'a C++20 compiler'
}

/** Where Node was told to load none. */
const ALLOW_ADDONS = 'Start Node without --no-addons, and under its permission model with '
  + '--allow-addons'

/** Throws RSTORE_NO_ADDON. */
export function loadAddon(): unknown {
  const root = packageRoot()
  const name = process.env['RSTORE_TEST_ADDON'] ?? 'rstore.node'
  const built = join(root, 'native', 'build', 'Release', name)
  const prebuilt = join(root, 'native', 'prebuilds', `${platform}-${arch}`, name)
  const path = [built, prebuilt].find((candidate) => existsSync(candidate))
  let reason = `there is none for ${platform}-${arch}`
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
    { path: path ?? prebuilt, platform, arch })
}
