/** Loads a packed region with whatever can be had, reads it, and prints how and what. */
import { Packed } from '../../lib/index.js'
import { PortablePackedFile } from '../../lib/region/packed/portable.js'
import { Library, readingOf } from './library.js'

const packed = Packed.load(process.argv[2]!, { root: Library })
const backend = packed.session.native instanceof PortablePackedFile ? 'mmap-io' : 'native'
process.stdout.write(`${JSON.stringify({ backend, reading: readingOf(packed) })}\n`)
packed.close()
