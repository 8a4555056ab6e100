/**
 * A child that makes a region or a vector while the seam fails or kills it. With a plan like
 * 'each:EIO' it does so again and again, every operation failing once in that way. Says how each
 * went, and what is there.
 */
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Region, SharedVector, t, type RStoreError } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { say } from '../harness/child.js'

const [kind, path, plan] = process.argv.slice(2) as ['region' | 'vector', string, string]
const { testIo } = addon() as unknown as {
  testIo: { start(plan: string): void; state(): { changes: number }; stop(): void }
}

function make(under: string): number {
  testIo.start(under)
  let code = 'made'
  try {
    (kind === 'region' ? Region.create(path) : SharedVector.create(path, t.u32)).close()
  } catch (error) {
    code = (error as RStoreError).code
  }
  const { changes } = testIo.state()
  testIo.stop()
  say({ code, changes, files: readdirSync(dirname(path)) })
  return changes
}

const failure = plan.startsWith('each:') ? plan.slice('each:'.length) : undefined
const changes = make(failure === undefined ? plan : 'count')
for (let at = 1; failure !== undefined && at <= changes; at++) {
  for (const name of readdirSync(dirname(path))) rmSync(join(dirname(path), name))
  make(`fail:${failure}@${at}`)
}
