/** Everything that `rstore inspect` shows, as plain data. */
import { C } from '../../formats/index.js'
import { PROGRESS_PAGES, type OnProgress } from '../shared/progress.js'
import {
  readAllocation, type Allocation, type FreeClass, type NamedRegion,
} from './allocation.js'
import { readCatalog, readTypes, type CatalogName, type StoredType } from './catalog.js'
import { pageOfRef } from './cells.js'
import type { NotedHandle } from './lock.js'
import { OwnerWalk, type NameSpace } from './owners.js'
import { readPageMap, readVectorMap, type PageMap } from './page-map.js'
import { PageSet } from './page-set.js'
import type { Problem } from './problems.js'
import type { LogEnd } from './records.js'
import type { RegionImage } from './region.js'
import { typeText } from './type-text.js'
import { TypeTable } from './type-table.js'
import { inspectVector, type InspectedVector } from './vector.js'
import { walkMultimap, walkTree, type VisitNode } from './tree.js'

export interface InspectedName {
  name: string
  kind: CatalogName['kind']
  keyType: string
  valueType: string
  rootRef: number
  rootPage: number
  /** Of trees. */
  entries?: number
  depth?: number
  nodes?: number
  nodeBytes?: number
  /** Part of the nodes' bytes that is in use. */
  fill?: number
  /** In a survey: of all that belongs to it. */
  space?: NameSpace
}

export interface Inspection {
  file: string
  fileBytes: number
  diskBytes: number
  identity: {
    kind: string
    formatVersion: number
    uuid: string
    generation: bigint
    createdMs: number
    capacityBytes: number
    firstDataPage: number
  }
  space: {
    endBytes: number
    allocatedBytes: number
    freeBytes: number
    freePages: number
    runPages: number
    freeClasses: FreeClass[]
    /** Packed regions of the store that this one names. */
    named: NamedRegion[]
  } | undefined
  /** Of a packed region. */
  root: { ref: number; page: number; type: string; space?: NameSpace } | undefined
  /** Of a shared vector, which has nothing else. */
  vector: InspectedVector | undefined
  /** Of a live region. */
  epoch: bigint | undefined
  checkpoint: {
    slot: number
    validSlots: number
    sequence: bigint
    epoch: bigint
    clean: boolean
    writtenMs: number
  } | undefined
  log: {
    fileBytes: number
    segments: number
    ownSegments: number
    records: number
    recordBytes: number
    changedPages: number
    lastCommitMs: number | undefined
    end: LogEnd
  } | undefined
  handles: NotedHandle[]
  names: InspectedName[]
  types: (StoredType & { text: string })[]
  problemCount: number
  problems: Problem[]
  /** Others wrote all the while: figures may be of several commits, and problems none. */
  disturbed: boolean
}

/** What is found out by reading every page, and following everything that names own. */
export interface Survey {
  inspection: Inspection
  types: TypeTable
  map: PageMap
}

/** How the names of a region are looked at; `owners` in a survey, `onNode` where there is none. */
interface Look {
  image: RegionImage
  types: TypeTable
  /** Pages that are nodes of trees. */
  seen: PageSet
  owners: OwnerWalk | undefined
  onNode?: VisitNode
}

function inspectName(look: Look, entry: CatalogName, index: number) {
  const { image, types, seen, owners, onNode } = look
  const { name, kind, root, valueType } = entry
  const where = `${kind} ${JSON.stringify(name)}`
  const space = owners?.begin(where, index)
  const inspected: InspectedName = {
    name,
    kind,
    keyType: types.nameOf(entry.keyType),
    valueType: types.nameOf(valueType),
    rootRef: root,
    rootPage: pageOfRef(root),
    ...space && { space },
  }
  if (kind === 'value') owners?.cell(root, types.shapeOf(valueType))
  if (kind === 'value' || kind === 'unknown') return inspected
  const walk = kind === 'multimap' ? walkMultimap : walkTree
  if (kind === 'multimap') owners?.addMultimap(root)
  const visit = owners?.nodeVisitor(kind === 'map' ? types.descriptorOf(valueType) : undefined)
    ?? onNode
  const { entries, depth, nodes, nodeBytes, usedBytes } = walk(image, root, where, visit, seen)
  return { ...inspected, entries, depth, nodes, nodeBytes, fill: usedBytes / nodeBytes || 0 }
}

function logOf({ log, pages }: RegionImage): NonNullable<Inspection['log']> {
  return {
    fileBytes: log.fileBytes,
    segments: log.segmentCount,
    ownSegments: log.ownSegmentCount,
    records: log.records.length,
    recordBytes: log.records.reduce((sum, { recordBytes }) => sum + recordBytes, 0),
    changedPages: pages.overlayPageCount,
    lastCommitMs: log.records.at(-1)?.committedMs,
    end: log.end,
  }
}

function spaceOf(image: RegionImage, allocation: Allocation): NonNullable<Inspection['space']> {
  return {
    endBytes: image.endUnits * C.UNIT_BYTES,
    allocatedBytes: allocation.allocatedUnits * C.UNIT_BYTES,
    freeBytes: allocation.freeUnits * C.UNIT_BYTES,
    freePages: allocation.freePages,
    runPages: allocation.runPages,
    freeClasses: allocation.classes,
    named: allocation.named,
  }
}

function identityOf({ identity }: RegionImage): Inspection['identity'] {
  const { checksumPageCount: _, rootRef: __, rootType: ___, endUnits: ____, ...shown } = identity
  return shown
}

/** Of a packed region; its space is counted behind the names. */
function rootOf({ image, types, owners }: Look, index: number): Inspection['root'] {
  const { kind, rootRef, rootType } = image.identity
  if (kind !== 'packed') return undefined
  const space = owners?.begin('root', index)
  owners?.cell(rootRef, types.shapeOf(rootType))
  const type = types.nameOf(rootType)
  return { ref: rootRef, page: pageOfRef(rootRef), type, ...space && { space } }
}

/** Maps, types and space: what live and packed regions have. */
function contentOf(look: Look): Pick<Inspection, 'root' | 'space' | 'names' | 'types'> {
  const { image, types } = look
  const names = readCatalog(image).map((entry, index) => inspectName(look, entry, index))
  return {
    root: rootOf(look, names.length),
    space: spaceOf(image, readAllocation(image)),
    names,
    types: types.stored.map((type) => ({ ...type, text: typeText(type.descriptor) })),
  }
}

const NO_CONTENT = { root: undefined, space: undefined, names: [], types: [] }

function inspectionOf(look: Look): Inspection {
  const { image } = look
  const { identity: { kind }, slot, problems } = image
  const isLive = kind === 'live' || kind === 'unknown'
  return {
    file: image.path,
    fileBytes: image.fileBytes,
    diskBytes: image.diskBytes,
    identity: identityOf(image),
    ...kind === 'shared' ? NO_CONTENT : contentOf(look),
    vector: kind === 'shared' ? inspectVector(image) : undefined,
    epoch: isLive ? image.epoch : undefined,
    checkpoint: slot && {
      slot: slot.index,
      validSlots: image.validSlots,
      sequence: slot.sequence,
      epoch: slot.epoch,
      clean: slot.clean,
      writtenMs: slot.writtenMs,
    },
    log: isLive ? logOf(image) : undefined,
    handles: image.lock?.handles ?? [],
    problemCount: problems.count,
    problems: problems.list,
    disturbed: image.isDisturbed(),
  }
}

/** The types of a region; a shared vector stores none. */
export const typesOf = (image: RegionImage): TypeTable =>
  new TypeTable(image.identity.kind === 'shared' ? [] : readTypes(image))

/**
 * Reads headers, log, free lists and trees; damage is in `problems`. `onProgress` is told of pages
 * that are nodes of trees, of all that there are.
 */
export function inspectRegion(image: RegionImage, onProgress: OnProgress = () => {}): Inspection {
  const pages = Math.ceil(image.endUnits * C.UNIT_BYTES / C.PAGE_BYTES)
  let nodes = 0
  const onNode = (): void => {
    if (++nodes % PROGRESS_PAGES === 0) onProgress(Math.min(nodes, pages), pages)
  }
  return inspectionOf({
    image, types: typesOf(image), seen: new PageSet(), owners: undefined, onNode,
  })
}

function surveyVector(image: RegionImage): Survey {
  const types = typesOf(image)
  const inspection = inspectRegion(image)
  const { size, elementBytes } = inspection.vector!
  return { inspection, types, map: readVectorMap(image, size, elementBytes === 8 ? 16 : 8) }
}

/** Reads every page as well, and all that names own. */
export function surveyRegion(image: RegionImage, onProgress: OnProgress = () => {}): Survey {
  if (image.identity.kind === 'shared') return surveyVector(image)
  const types = typesOf(image)
  const seen = new PageSet()
  const map = readPageMap(image, types, (done, total) => onProgress(done, total * 2))
  const cells = map.types.reduce((sum, type) => sum + type.cells, 0)
  const owners = new OwnerWalk(image, types, seen, map, (done) =>
    onProgress(map.pageCount * (1 + Math.min(1, done / cells)), map.pageCount * 2))
  return { inspection: inspectionOf({ image, types, seen, owners }), types, map }
}
