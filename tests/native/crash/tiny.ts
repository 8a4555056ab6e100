/**
 * The crash test over a log whose segments are 4 KiB and whose logical numbers meet again after 4
 * MiB, with few slots: what is rare at the edges of segments comes all the time.
 */
import { FLAGS, buildProgram, withConstants } from '../compile.js'

const TINY = { kSegmentBytes: 4096, kSegmentCountLimit: 1024, kReaderSlotCount: 8 }

export const buildTinyCrashTest = (): Promise<string> =>
  buildProgram('crash/crash-test', { flags: [...FLAGS.plain, ...withConstants(TINY)] })
