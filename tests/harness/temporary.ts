/** Folders that last as long as a test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []

/** A fresh folder, removed when the process exits. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'rstore-'))
  if (made.length === 0) process.once('exit', removeAll)
  made.push(path)
  return path
}

function removeAll(): void {
  for (const path of made) rmSync(path, { recursive: true, force: true })
}
