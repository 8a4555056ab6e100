/**
 * Compacts a region, maybe in place, maybe under a plan for the I/O seam, and says so when it is
 * done, or with which code it failed.
 */
import { Region, RStoreError } from 'rstore'
import { say } from '../harness/child.js'

const region = Region.open(process.argv[2]!)
const inPlace = process.argv[3] === 'in place'
try {
  const { before, after } = await region.compact(undefined, { inPlace })
  region.close()
  say({ compacted: true, before, after })
} catch (error) {
  if (!(error instanceof RStoreError)) throw error
  region.close()
  say({ compacted: false, code: error.code, message: error.message })
}
