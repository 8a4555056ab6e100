/**
 * The long versions of what core.test.ts does: all programs of the explorer with both widths of
 * cells, 200,000 histories, 20,000 of them under ThreadSanitizer, a minute of killing.
 *
 *   node dist/tests/vector/long.js [seed]
 */
import { temporaryDirectory } from '../harness/temporary.js'
import { build, run } from './programs.js'

const directory = temporaryDirectory()
const seed = process.argv[2] ?? String(Math.floor(Math.random() * 1e9))

const programs: (readonly [program: string, args: readonly string[]])[] = [
  [await build('vector-explorer', { alone: true }), ['all']],
  [await build('vector-threads'), [seed, '200000']],
  [await build('vector-threads', { variant: 'threads' }), [seed, '20000']],
  [await build('vector-kill'), [seed, '60000']],
]
console.log(`seed ${seed}`)
for (const [program, args] of programs) {
  const { output, status } = await run(program, args, directory)
  console.log(output)
  if (status === 0) continue
  console.log(`ended with ${status}`)
  process.exitCode = 1
}
