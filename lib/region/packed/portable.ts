/**
 * Loading packed regions where the addon cannot be: through mmap-io, an optional peer dependency.
 * Reading is the same code on the same bytes. What it cannot do: more than 2 GiB in one mapping;
 * catch page faults, so a file that someone cuts while it is mapped ends the process, and lazy
 * verification is done before loading.
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { C, ControlBlock, Identity, crc32c, pageChecksum } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import type { ErrorCode } from '../../errors.js'
import type { NativePackedFile, OpenedPack } from '../../native/binding.js'
import { errorOfSystem } from '../../native/status.js'
import { PAGE_UNITS } from '../../space/ref.js'

/** What we use of mmap-io. */
interface MmapIo {
  map(
    size: number, protection: number, flags: number, fd: number, offset: number, advise: number,
  ): Buffer
  advise(buffer: Buffer, advise: number): void
  /** Pages not in memory, pages in memory. */
  incore(buffer: Buffer): [number, number]
  readonly PROT_READ: number
  readonly MAP_SHARED: number
  readonly MADV_RANDOM: number
  readonly MADV_WILLNEED: number
}

const LARGEST_BYTES = 2 ** 31 - 1

/** From the package itself, or from the program that uses it. Throws RSTORE_NO_ADDON. */
function loadMmapIo(): MmapIo {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      const module = createRequire(from)('mmap-io') as MmapIo & { default?: MmapIo }
      return module.default ?? module
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'MODULE_NOT_FOUND') continue
      throw new RStoreError('RSTORE_NO_ADDON',
        `mmap-io is installed, but cannot be loaded: ${message}. Install it anew for this Node`)
    }
  }
  throw new RStoreError('RSTORE_NO_ADDON',
    'neither the native addon nor mmap-io can be loaded. Build the addon with "npm run build", or '
    + 'install "mmap-io" (npm:@riaskov/mmap-io@^1.4.3) to read packed regions')
}

const word = (bytes: DataView, name: keyof typeof Identity.fields): number =>
  bytes.getUint32(Identity.fields[name].offset, true)
const long = (bytes: DataView, name: keyof typeof Identity.fields): number =>
  Number(bytes.getBigUint64(Identity.fields[name].offset, true))

function refuse(path: string, code: ErrorCode, what: string): never {
  throw new RStoreError(code, `loading ${path}: ${what}`, { path })
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EMFILE' || code === 'ENFILE') throw errorOfSystem(error, path, 'loading')
    return refuse(path, code === 'ENOENT' ? 'RSTORE_NOT_FOUND' : 'RSTORE_IO', message)
  }
}

/** A packed file through mmap-io; as the addon's PackedFile. */
export class PortablePackedFile implements NativePackedFile {
  private buffer: Buffer | undefined
  private mmap: MmapIo | undefined

  open(path: string, verify: number, populate: boolean, lock: boolean): OpenedPack {
    const mmap = (this.mmap = loadMmapIo())
    if (lock) refuse(path, 'RSTORE_UNSUPPORTED', 'mmap-io cannot lock memory. Load it without')
    const fd = openFile(path)
    try {
      const stats = fstatSync(fd)
      if (!stats.isFile()) refuse(path, 'RSTORE_NOT_A_REGION', 'this is not a file')
      const { size } = stats
      if (size > LARGEST_BYTES) {
        refuse(path, 'RSTORE_TOO_LARGE', `${size} bytes are more than mmap-io can map (2 GiB). `
          + 'Use the native addon')
      }
      if (size < Identity.bytes) refuse(path, 'RSTORE_NOT_A_REGION', 'this is not a region file')
      if (size % C.PAGE_BYTES !== 0) refuse(path, 'RSTORE_CORRUPT', 'the file was cut')
      this.buffer = mmap.map(size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0, mmap.MADV_RANDOM)
    } finally {
      closeSync(fd)
    }
    const opened = this.describe(path)
    if (populate) mmap.advise(this.buffer, mmap.MADV_WILLNEED)
    const badPage = verify === 0 ? -1 : this.verifyAll()
    if (badPage >= 0) {
      refuse(path, 'RSTORE_CORRUPT',
        `page ${badPage} does not fit its checksum. Run "rstore verify"`)
    }
    return opened
  }

  openMemory(): never {
    throw new RStoreError('RSTORE_UNSUPPORTED',
      'packed regions in memory need the native addon; mmap-io maps files only')
  }

  /** Checks the identity. */
  private describe(path: string): OpenedPack {
    const buffer = this.buffer!
    const bytes = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    if (bytes.getBigUint64(Identity.fields.magic.offset, true) !== C.REGION_MAGIC) {
      refuse(path, 'RSTORE_NOT_A_REGION', 'this is not a region file')
    }
    if (word(bytes, 'formatVersion') > C.FORMAT_VERSION) {
      refuse(path, 'RSTORE_TOO_NEW', 'the file was made by a newer version of rstore. Update it')
    }
    const checksum = Identity.fields.checksum.offset
    if (crc32c(0, buffer.subarray(0, checksum)) !== word(bytes, 'checksum')) {
      refuse(path, 'RSTORE_CORRUPT', 'its identity is damaged. Run "rstore inspect"')
    }
    if (word(bytes, 'kind') !== C.KIND_PACKED) {
      refuse(path, 'RSTORE_WRONG_KIND', 'it is not a packed region')
    }
    const endUnits = long(bytes, 'endUnits')
    if (endUnits * C.UNIT_BYTES > buffer.byteLength) {
      refuse(path, 'RSTORE_CORRUPT', 'the file is shorter than its data')
    }
    const { offset, bytes: uuidBytes } = Identity.fields.uuid
    const control = new Uint32Array(ControlBlock.bytes / 4)
    return {
      lineBits: new ArrayBuffer(0),
      control: control.buffer,
      capacityBytes: long(bytes, 'capacityBytes'),
      firstDataPage: word(bytes, 'firstDataPage'),
      rootRef: word(bytes, 'rootRef'),
      rootType: word(bytes, 'rootType'),
      endUnits,
      uuid: Uint8Array.from(buffer.subarray(offset, offset + uuidBytes)),
    }
  }

  /** A file of at most 2 GiB has one window. */
  windowPair(): ArrayBuffer {
    return this.buffer!.buffer as ArrayBuffer
  }

  verifyAll(): number {
    const buffer = this.buffer!
    const bytes = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    const firstDataPage = word(bytes, 'firstDataPage')
    const endPage = Math.ceil(long(bytes, 'endUnits') / PAGE_UNITS)
    for (let page: number = C.ALLOCATION_PAGE; page < endPage; page++) {
      if (page >= C.CHECKSUM_PAGE && page < firstDataPage) continue
      const stored = bytes.getUint32(C.CHECKSUM_PAGE * C.PAGE_BYTES + page * 4, true)
      const content = buffer.subarray(page * C.PAGE_BYTES, (page + 1) * C.PAGE_BYTES)
      if (pageChecksum(content) !== stored) return page
    }
    return -1
  }

  stats(): { fileBytes: number; residentBytes: number } {
    const [, resident] = this.mmap!.incore(this.buffer!)
    return { fileBytes: this.buffer!.byteLength, residentBytes: resident * C.PAGE_BYTES }
  }

  /** The mapping goes with its buffer. */
  close(): void {
    this.buffer = undefined
  }
}
