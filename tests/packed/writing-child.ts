/**
 * Tries to write to a packed file, given by its path, as another process or, given a token, as
 * another thread; says what each attempt was told.
 */
import { workerData, parentPort } from 'node:worker_threads'
import { Packed, Region, type RStoreError } from '../../lib/index.js'
import { say } from '../harness/child.js'
import { Atlas, fill, type AtlasView } from './shapes.js'

const attempts: string[] = []

function attempt(name: string, write: () => unknown): void {
  try {
    write()
    attempts.push(`${name}: done`)
  } catch (error) {
    attempts.push(`${name}: ${(error as RStoreError).code ?? error}`)
  }
}

function writeThrough(packed: Packed<AtlasView>): void {
  const root = packed.root as AtlasView
  attempt('a field', () => { root.title = 'changed' })
  attempt('a map', () => { root.cities.clear() })
  const shape = root.cities.get('long')!.shape as unknown as number[]
  attempt('memory', () => {
    shape[0] = -1  // the page is now this handle's own
    return packed.root.title
  })
  packed.close()
}

const path = process.argv[2]!
if (parentPort === null) {
  const options = { root: Atlas, capacity: '4MiB' } as const
  attempt('open', () => Region.open(path))
  attempt('openOrCreate', () => Region.openOrCreate(path))
  attempt('create', () => Region.create(path))
  attempt('pack', () => Region.pack(path, options, fill(1)))
  await Packed.thaw(path, path).catch((error: RStoreError) => attempts.push(`thaw: ${error.code}`))
  writeThrough(Packed.load(path, { root: Atlas }))
  say(attempts)
} else {
  writeThrough(Packed.attach<AtlasView>(workerData))
  parentPort.postMessage(attempts)
}
