/** File systems of a few MiB, for disks that fill up; mounted where that is allowed. */
import { spawnSync } from 'node:child_process'
import { temporaryDirectory } from './temporary.js'

const run = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

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
