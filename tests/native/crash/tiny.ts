/**
 * The crash test over a log whose segments are 4 KiB and whose logical numbers meet again after 4
 * MiB, with few slots: what is rare at the edges of segments comes all the time.
 */
import { inRoot } from '../../harness/paths.js'
import { buildProgram, withConstants } from '../compile.js'

const TINY = { kSegmentBytes: 4096, kSegmentCountLimit: 1024, kReaderSlotCount: 8 }

export function buildTinyCrashTest(name: string): Promise<string> {
  const source = inRoot('tests/native/crash/crash-test.cc')
  return buildProgram(source, name, { flags: withConstants(TINY) })
}
