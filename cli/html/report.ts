/** What the page is made of: all that can be found out about a file. */
import { encodeColumns, type MapData } from './map-data.js'
import { escapeText } from '../print/escape.js'
import { shownName } from '../print/inspection.js'
import { inspectLog, type LogDetail } from '../read/log-detail.js'
import type { Inspection, Survey } from '../read/inspection.js'
import { surveyRegion } from '../read/inspection.js'
import { useTotals, type UseTotals } from '../read/page-groups.js'
import { USES, USE_NAMES, type NodeFill } from '../read/page-map.js'
import { readRegion } from '../read/region.js'
import { markInMemory, observeFile, withLife } from '../read/system.js'
import type { OnProgress } from '../shared/progress.js'

export interface NameRow {
  name: string
  kind: string
  nodeBytes: number
  cellBytes: number
  entries: number | undefined
  fill: number | undefined
}

export interface TypeRow { name: string; cells: number; bytes: number }

export interface FileReport {
  inspection: Inspection
  log: LogDetail
  /** Slot of the handle that holds the write lock. */
  writer: number | undefined
  /** Of shared vectors: handles that have it open; undefined: not known. */
  vectorHandles: number | undefined
  uses: UseTotals[]
  names: NameRow[]
  types: TypeRow[]
  nodeFill: NodeFill
  memoryKnown: boolean
  map: Omit<MapData, 'target'>
}

interface Look { survey: Survey; log: LogDetail; writer: number | undefined }

const lookAt = (path: string, onProgress: OnProgress): Look => readRegion(path, (image) => ({
  survey: surveyRegion(image, onProgress),
  log: inspectLog(image),
  writer: image.lock?.writer,
}))

function namesOf({ names, root }: Inspection): NameRow[] {
  const rows = names.map((name): NameRow => ({
    name: shownName(name),
    kind: name.kind,
    nodeBytes: name.space?.nodeBytes ?? 0,
    cellBytes: name.space?.cellBytes ?? 0,
    entries: name.entries,
    fill: name.fill,
  }))
  if (root === undefined) return rows
  const { nodeBytes = 0, cellBytes = 0 } = root.space ?? {}
  return [...rows, {
    name: 'the root', kind: root.type, nodeBytes, cellBytes, entries: undefined, fill: undefined,
  }]
}

/** Throws what `readRegion` throws. */
export async function reportOf(path: string, onProgress: OnProgress): Promise<FileReport> {
  const { survey: { inspection, types, map }, log, writer } = lookAt(path, onProgress)
  const isVector = inspection.identity.kind === 'shared'
  const seen = await observeFile(path, isVector)
  const memoryKnown = markInMemory(map, seen)
  const names = namesOf(inspection)
  return {
    inspection: { ...inspection, handles: withLife(inspection.handles, seen) },
    log,
    writer,
    vectorHandles: isVector ? seen.heldSlots?.reduce((sum, held) => sum + held, 0) : undefined,
    uses: useTotals(map),
    names,
    types: map.types.map(({ typeId, cells, bytes }) =>
      ({ name: types.nameOf(typeId), cells, bytes })),
    nodeFill: map.nodeFill,
    memoryKnown,
    map: {
      file: inspection.file,
      pageCount: map.pageCount,
      memoryKnown,
      uses: USES.map((key) => ({ key, name: USE_NAMES[key] })),
      names: names.map(({ name }) => escapeText(name)),
      ...encodeColumns(map),
    },
  }
}
