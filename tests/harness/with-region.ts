/**
 * A folder for a test and the regions in it: at the end all are closed, opened once more and
 * verified in full.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { Region, RStoreError, type ReadOnlyRegion, type RegionOptions } from '../../lib/index.js'
import { temporaryDirectory } from './temporary.js'
import { verifyWhole } from './verify.js'

export { nextTurn } from './until.js'

interface Closable {
  close(): void
}

/** Opens a region that nobody has open, for reading, and verifies it. */
export async function verifyFile(path: string): Promise<void> {
  const region = Region.open(path, { readOnly: true })
  try {
    await verifyWhole(region)
  } finally {
    region.close()
  }
}

export class Place {
  readonly folder: string
  private readonly open_: Closable[] = []
  private readonly verified = new Set<string>()

  constructor(folder = temporaryDirectory()) {
    this.folder = folder
  }

  path(name = 'test.region'): string {
    return join(this.folder, name)
  }

  /** Whatever is given is closed when the test ends, if it is not before. */
  keep<T extends Closable>(handle: T): T {
    this.open_.push(handle)
    return handle
  }

  create(options: RegionOptions = {}, name?: string): Region {
    this.verified.add(this.path(name))
    return this.keep(Region.create(this.path(name), { durability: 'none', ...options }))
  }

  open(options: RegionOptions = {}, name?: string): Region {
    return this.keep(Region.open(this.path(name), { durability: 'none', ...options }))
  }

  openReadOnly(options: RegionOptions = {}, name?: string): ReadOnlyRegion {
    return this.keep(Region.open(this.path(name), { ...options, readOnly: true }))
  }

  /** What is there was damaged on purpose. */
  expectDamage(name?: string): void {
    this.verified.delete(this.path(name))
  }

  close(): void {
    for (const handle of this.open_.splice(0).reverse()) handle.close()
  }

  async verify(): Promise<void> {
    this.close()
    for (const path of this.verified) if (existsSync(path)) await verifyFile(path)
  }
}

/** A test with a place of its own. */
export const withRegion =
  (body: (place: Place) => void | Promise<void>, folder?: () => string) =>
  async (): Promise<void> => {
    const place = new Place(folder?.())
    try {
      await body(place)
    } catch (error) {
      place.close()
      throw error
    }
    await place.verify()
  }

/**
 * The error that `fn` throws, which must be an RStoreError of this code with a message that helps.
 */
export function thrown(code: string, fn: () => unknown): RStoreError {
  try {
    fn()
  } catch (error) {
    return checked(code, error)
  }
  throw new Error(`${code} was expected, but nothing was thrown`)
}

/** The same of a promise. */
export async function rejected(code: string, promise: Promise<unknown>): Promise<RStoreError> {
  try {
    await promise
  } catch (error) {
    return checked(code, error)
  }
  throw new Error(`${code} was expected, but nothing was rejected`)
}

function checked(code: string, error: unknown): RStoreError {
  if (!(error instanceof RStoreError)) throw error
  assert.is(error.code, code, error.message)
  assert.ok(error.message.length > 30, `"${error.message}" says too little`)
  return error
}

/** A test in a folder of its own. */
export const inPlace =
  (body: (place: Place) => void | Promise<void>) =>
  async (): Promise<void> => {
    const place = new Place()
    try {
      await body(place)
    } finally {
      place.close()
    }
  }
