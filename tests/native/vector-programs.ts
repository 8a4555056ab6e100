/** The programs that test the vector (vector-*.cc), with what of the core they stand on. */
import { inRoot } from '../harness/paths.js'
import { FLAGS, buildProgram, filesBelow } from './compile.js'

const CORE = [
  ...['io', 'address-space', 'file-lock', 'crc32c', 'region-file', 'lock-file']
    .map((name) => inRoot(`native/src/core/${name}.cc`)),
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
