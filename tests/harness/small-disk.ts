/** File systems of a few MiB, for disks that fill up; mounted where that is allowed. */
import { spawnSync } from 'node:child_process'
import { temporaryDirectory } from './temporary.js'

const run = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

/**
 * How a program is started that sees an empty disk of so many MiB as `folder`, which nobody else
 * sees; programs that it starts see it, too. Also for users who may not mount, where the system
 * lets them be root in a namespace of their own. Null where neither is allowed: then the native
 * seam has to stand in.
 */
export function withSmallDisk(folder: string, mebibytes: number): readonly string[] | null {
  const mount = 'mount -t tmpfs -o size="$1"m tmpfs "$0" && shift && exec "$@"'
  const start = (kind: string): readonly [string, ...string[]] =>
    ['unshare', kind, 'sh', '-c', mount, folder, String(mebibytes)]
  for (const [command, ...args] of [start('-rm'), start('-m')]) {
    if (run(command, ...args, 'true')) return [command, ...args]
  }
  return null
}

export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** Null where mounting is denied: then the native seam has to stand in. */
  static mount(mebibytes: number): SmallDisk | null {
    const folder = temporaryDirectory()
    if (!run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder)) return null
    process.prependOnceListener('exit', () => run('umount', '-l', folder))
    return new SmallDisk(folder)
  }

  makeReadOnly(): void {
    if (!run('mount', '-o', 'remount,ro', this.folder)) throw new Error('remounting failed')
  }

  makeWritable(): void {
    if (!run('mount', '-o', 'remount,rw', this.folder)) throw new Error('remounting failed')
  }
}
