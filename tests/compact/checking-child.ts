/**
 * Begins what compares the pages of a file with their checksums, and exits before that has ended.
 * As a worker it says that it has begun, and goes on with it.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { Region } from 'rstore'

const [path, way] = isMainThread
  ? process.argv.slice(2) as [string, string]
  : [workerData.path, workerData.way] as [string, string]
const WAYS: Readonly<Record<string, (region: Region) => Promise<unknown>>> = {
  'compact': (region) => region.compact(),
  'in place': (region) => region.compact(undefined, { inPlace: true }),
  'verify': (region) => region.verify(),
}
const region = Region.open(path)
if (isMainThread) {
  void WAYS[way]!(region)
  setImmediate(() => process.exit(7))
} else {
  parentPort!.postMessage('begins')
  for (;;) await WAYS[way]!(region)
}
