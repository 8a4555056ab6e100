/** Dumps of regions as lines that were parsed, and their way back in. */
import {
  exportText, Importer, type DumpHead, type DumpLine, type ExportOptions, type Region,
} from '../../lib/index.js'

/** The head, and all behind it. */
export function dumpOf(region: Region, options: ExportOptions = {}): DumpLine[] {
  const snapshot = region.snapshot()
  try {
    return [...exportText(snapshot, options)].map((line) => JSON.parse(line) as DumpLine)
  } finally {
    snapshot.close()
  }
}

/** In one transaction. */
export function loadInto(region: Region, [head, ...lines]: readonly DumpLine[]): void {
  region.transact(() => {
    const importer = new Importer(region, head as DumpHead)
    for (const line of lines) importer.add(line)
    importer.finish()
  })
}
