/** A process with a temporary file that it makes under `withCleanup`: argv[2]. */
import { rmSync, writeFileSync } from 'node:fs'
import { withCleanup } from '../../cli/shared/cleanups.js'

const [path, how] = process.argv.slice(2)

await withCleanup(async () => {
  writeFileSync(path!, '')
  console.log('made')
  if (how === 'throw') throw new Error('half done')
  if (how === 'succeed') return
  await new Promise((resolve) => setTimeout(resolve, 60_000))
}, () => rmSync(path!))
