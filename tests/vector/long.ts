/**
 * The long versions of what core.test.ts does: all programs of the explorer with both widths of
 * cells and a thousand that are drawn, 200,000 histories, 20,000 of them under ThreadSanitizer, a
 * minute of killing.
 *
 *   node dist/tests/vector/long.js [seed]
 */
import { temporaryDirectory } from '../harness/temporary.js'
import { FLAGS } from '../native/compile.js'
import { buildExplorer, buildVectorProgram, runWatched } from '../native/vector-programs.js'

const directory = temporaryDirectory()
const seed = process.argv[2] ?? String(Math.floor(Math.random() * 1e9))

const programs: (readonly [program: string, args: readonly string[]])[] = [
  [await buildExplorer(), [seed, '1000', 'all']],
  [await buildVectorProgram('vector-threads'), [seed, '200000']],
  [await buildVectorProgram('vector-threads', FLAGS.threads), [seed, '20000']],
  [await buildVectorProgram('vector-kill'), [seed, '60000']],
]
console.log(`seed ${seed}`)
for (const [program, args] of programs) {
  const { output, status } = await runWatched(program, args, { cwd: directory })
  console.log(output)
  if (status === 0) continue
  console.log(`ended with ${status}`)
  process.exitCode = 1
}
