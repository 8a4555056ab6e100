/** Folders that last as long as a test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A fresh folder, removed when the process exits. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'rstore-'))
  process.once('exit', () => rmSync(path, { recursive: true, force: true }))
  return path
}
