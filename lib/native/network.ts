/** What other machines share with us: neither locks nor memory reach them. */
import { resolve } from 'node:path'

import { RStoreError } from '../errors.js'
import { addon } from './binding.js'

/**
 * Throws RSTORE_NETWORK when a file or folder is on a network file system; one that is not there
 * is on none.
 * @param advice what else can be done than to use a local disk
 */
export function refuseNetwork(path: string, advice = ''): void {
  const name = addon().networkFileSystem(resolve(path))
  if (name === '') return
  throw new RStoreError('RSTORE_NETWORK',
    `${resolve(path)} is on a network file system (${name}), whose locks and shared memory do not `
    + `reach other machines. Use a local disk${advice}`,
    { path: resolve(path), fileSystem: name })
}
