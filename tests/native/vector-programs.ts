/** The programs that test the vector (vector-*.cc), with what of the core they stand on. */
import { inRoot } from '../harness/paths.js'
import { runProgram, type Outcome } from '../harness/program.js'
import { FLAGS, buildProgram, filesBelow } from './compile.js'

const CORE = [
  ...['io', 'address-space', 'file-lock', 'crc32c', 'region-file', 'lock-file', 'side-file',
    'permissions', 'temporary-file'].map((name) => inRoot(`native/src/core/${name}.cc`)),
  ...filesBelow('native/src/core/fault', '.cc'),
  ...filesBelow('native/src/core/seam', '.cc'),
  ...filesBelow('native/src/core/vector', '.cc'),
]

/** Optimised as it is released, unless told otherwise. */
export const buildVectorProgram = (
  name: string, flags: readonly string[] = FLAGS.optimised,
): Promise<string> => buildProgram(name, { flags, core: CORE })

/** Needs nothing but the algorithm, which is a template. */
export const buildExplorer = (): Promise<string> =>
  buildProgram('vector-explorer', { flags: FLAGS.optimised, core: [] })

const MACHINE = process.arch === 'arm64' ? 'aarch64' : 'x86_64'

/**
 * Runs a program with ThreadSanitizer. That of GCC up to 13 does not start where the kernel places
 * memory more at random than it knows (vm.mmap_rnd_bits above 28, as newer distributions have it);
 * then not at random.
 */
export async function runWatched(
  program: string, args: readonly string[], options: { cwd: string },
): Promise<Outcome> {
  const outcome = await runProgram(program, args, options)
  return outcome.output.includes('ThreadSanitizer: unexpected memory mapping')
    ? runProgram('setarch', [MACHINE, '--addr-no-randomize', program, ...args], options)
    : outcome
}
