/** Where and with what it was measured. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { inRoot } from '../../harness/paths.js'
import type { Driver } from '../driver.js'

/** The report, and the part of its text that is written by hand: no part of what was measured. */
export const PRODUCTS = ['BENCHMARKS.md', 'tests/bench/results', 'tests/bench/LIMITS.md']

const FILE_SYSTEMS: Record<number, string> = {
  0xef53: 'ext4', 0x58465342: 'xfs', 0x9123683e: 'btrfs',
}

/**
 * The git tree of the checkout as it lies, without the report: put together in an
 * index of its own, so that nothing of the checkout's is touched. To compare a commit with it:
 * `git read-tree COMMIT` into an empty GIT_INDEX_FILE, `git rm --cached` these files, `git
 * write-tree`.
 */
export function measuredTree(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rstore-tree-'))
  const git = (...args: string[]): string => execFileSync('git', args, {
    cwd: inRoot('.'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, GIT_INDEX_FILE: join(folder, 'index') },
  }).trim()
  try {
    git('read-tree', 'HEAD')
    git('add', '--all')
    git('rm', '-r', '--cached', '--quiet', '--ignore-unmatch', ...PRODUCTS)
    return git('write-tree')
  } catch {
    return 'unknown (not a git checkout)'
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export interface Machine {
  processor: string
  memory: string
  system: string
  fileSystem: string
  node: string
  versions: Record<string, string>
  settings: Record<string, string>
}

export function describeMachine(directory: string, drivers: readonly Driver[]): Machine {
  const { type } = statfsSync(directory)
  return {
    processor: `${cpus().length} × ${cpus()[0]!.model.trim()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${process.platform} ${release().split('-')[0]!} ${process.arch}`,
    fileSystem: FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`,
    node: process.version,
    versions: Object.fromEntries(drivers.map((driver) => [driver.name, driver.version()])),
    settings: Object.fromEntries(drivers.map((driver) => [driver.name, driver.settings])),
  }
}
