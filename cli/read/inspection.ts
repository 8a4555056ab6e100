/** Everything that `rstore inspect` shows, as plain data. */
import { C } from '../../formats/index.js'
import {
  readAllocation, type Allocation, type FreeClass, type NamedRegion,
} from './allocation.js'
import { readCatalog, readTypes, type CatalogName, type StoredType } from './catalog.js'
import type { NotedHandle } from './lock.js'
import type { Problem } from './problems.js'
import type { LogEnd } from './records.js'
import type { RegionImage } from './region.js'
import { typeText } from './typeText.js'
import { inspectVector, type InspectedVector } from './vector.js'
import { walkMultimap, walkTree } from './tree.js'

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
  root: { ref: number; page: number; type: string } | undefined
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
}

/** What type ids are called: fixed ones by their constants, stored ones by their descriptors. */
function typeNames(types: readonly StoredType[]): (id: number) => string {
  const stored = new Map(types.map(({ id, descriptor }) => [id, typeText(descriptor)]))
  const fixed = new Map<number, string>([
    [C.TYPE_STRING, 'string'], [C.TYPE_BYTES, 'bytes'], [C.TYPE_JSON, 'json'],
  ])
  return (id) => id === 0 ? '' : stored.get(id) ?? fixed.get(id) ?? `type ${id}`
}

function inspectName(
  image: RegionImage, entry: CatalogName, typeName: (id: number) => string,
): InspectedName {
  const { name, kind, root } = entry
  const inspected: InspectedName = {
    name,
    kind,
    keyType: typeName(entry.keyType),
    valueType: typeName(entry.valueType),
    rootRef: root,
    rootPage: root >>> 9,
  }
  if (kind === 'value' || kind === 'unknown') return inspected
  const walk = kind === 'multimap' ? walkMultimap : walkTree
  const { entries, depth, nodes, nodeBytes, usedBytes } =
    walk(image, root, `${kind} ${JSON.stringify(name)}`)
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

/** Maps, types and space: what live and packed regions have. */
function contentOf(image: RegionImage): Pick<Inspection, 'root' | 'space' | 'names' | 'types'> {
  const { kind, rootRef, rootType } = image.identity
  const types = readTypes(image)
  const typeName = typeNames(types)
  return {
    root: kind === 'packed'
      ? { ref: rootRef, page: rootRef >>> 9, type: typeName(rootType) }
      : undefined,
    space: spaceOf(image, readAllocation(image)),
    names: readCatalog(image).map((entry) => inspectName(image, entry, typeName)),
    types: types.map((type) => ({ ...type, text: typeText(type.descriptor) })),
  }
}

const NO_CONTENT = { root: undefined, space: undefined, names: [], types: [] }

/** Reads a region through; damage is in `problems`. */
export function inspectRegion(image: RegionImage): Inspection {
  const { identity: { kind }, slot, problems } = image
  const isLive = kind === 'live' || kind === 'unknown'
  return {
    file: image.path,
    fileBytes: image.fileBytes,
    diskBytes: image.diskBytes,
    identity: identityOf(image),
    ...kind === 'shared' ? NO_CONTENT : contentOf(image),
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
  }
}
