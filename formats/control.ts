/**
 * Memory that the native layer and TypeScript share. A handle's is its own; a snapshot's is in the
 * lock file, behind the segment table, at the index of its reader slot, so that another process can
 * tell it that it is revoked.
 */
import { layout, u32, u64, zeros } from './layout.js'

export const ControlBlock = layout('ControlBlock', 256,
  'One for each view. TypeScript reads and writes it as typed-array elements, the fault handler as words.', {
  fault: u32(0, 'FAULT_… bits, set by the fault handler; looked at before a result is returned.'),
  faultCount: u32(4, 'Faults served.'),
  faultPage: u32(8, 'Page of the last fault that set a bit.'),
  growing: u32(12, '1 inside a transaction: faults near the frontier extend the file.'),
  frontierUnits: u32(16, 'First unit that was never allocated, as the running transaction sees it.'),
  capacityUnits: u32(20, 'Capacity less SINK_BYTES, in units.'),
  endUnits: u32(24, 'End of the committed data in this view.'),
  contentSerial: u32(28, 'Raised whenever committed content of this view changes under its reader: refresh, restart, rollback.'),
  epoch: u64(32, 'The commit that this view shows.'),
  failed: u32(40, '1 when a write or sync through this view failed: latched.'),
  privatePageCount: u32(44, 'Pages of this view that differ from the file, or may.'),
  lastError: u32(48, 'errno of the system call that failed last.'),
  replacements: u32(52, 'Raised whenever the view moved over to a compacted file.'),
  highUnits: u32(56, 'The highest frontier of the running transaction that was lowered again; 0: none was.'),
  aheadUnits: u32(60, 'Where what was written to the file ahead of the commit ends, a whole page; 0: nothing was.'),
  reserved: zeros(64, 192),
})
