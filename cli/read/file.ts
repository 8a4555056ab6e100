/** A file that is only read, by system calls: what is past its end is zero. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'

/** Opening a pipe that has a name does not wait for who writes to it. */
const READ_WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK

export class ByteFile {
  private constructor(private readonly fd: number, readonly path: string) {}

  /** Throws what `fs.openSync` throws, and EISDIR for a folder. */
  static open(path: string): ByteFile {
    const file = new ByteFile(openSync(path, READ_WITHOUT_WAITING), path)
    if (fstatSync(file.fd).isFile()) return file
    file.close()
    throw Object.assign(new Error('EISDIR: not a regular file'), { code: 'EISDIR', path })
  }

  /** undefined when there is no such file. */
  static openIfThere(path: string): ByteFile | undefined {
    try {
      return ByteFile.open(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Length now: another process may be making it longer. */
  get length(): number {
    return fstatSync(this.fd).size
  }

  /** Whether the path still leads to it. */
  isNamed(path: string): boolean {
    const [own, named] = [fstatSync(this.fd), statSync(path, { throwIfNoEntry: false })]
    return own.ino === named?.ino && own.dev === named.dev
  }

  /** Bytes that the file system has really given to it. */
  get allocatedBytes(): number {
    return fstatSync(this.fd).blocks * 512
  }

  /** Throws EIO where the disk cannot give the bytes. */
  read(address: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    this.readInto(bytes, address)
    return bytes
  }

  /** Fills the bytes; the same. */
  readInto(bytes: Buffer, address: number): void {
    let done = 0
    while (done < bytes.length) {
      const got = readSync(this.fd, bytes, done, bytes.length - done, address + done)
      if (got === 0) break
      done += got
    }
    bytes.fill(0, done)
  }

  close(): void {
    closeSync(this.fd)
  }
}
