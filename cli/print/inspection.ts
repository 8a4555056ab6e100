/** `rstore inspect` for people. */
import { C } from '../../formats/index.js'
import type { InspectedName, Inspection } from '../read/inspection.js'
import type { LogEnd } from '../read/records.js'
import { textOfDescriptor } from '../read/type-text.js'
import { numeric, pairLines, section, tableLines } from './table.js'
import { formatBytes, formatCount, formatShare, formatTime } from './units.js'

function identityText({ identity, root, fileBytes, diskBytes, file }: Inspection): string {
  const { kind, formatVersion, uuid, generation, createdMs } = identity
  return section(file, pairLines([
    ['kind', `${kind}, format version ${formatVersion}`],
    ['uuid', `${uuid}, generation ${generation}`],
    ...createdMs > 0 ? [['created', formatTime(createdMs)] as const] : [],
    ...root === undefined ? [] : [['root', `${root.type}, in page ${root.page}`] as const],
    ['file', `${formatBytes(fileBytes)} long, ${formatBytes(diskBytes)} on the disk`],
  ]))
}

function spaceText({ identity, space }: Inspection): string[] {
  if (space === undefined) return []
  const { capacityBytes, firstDataPage } = identity
  const { endBytes, allocatedBytes, freeBytes, freePages, runPages } = space
  const used = Math.max(0, endBytes - firstDataPage * C.PAGE_BYTES)
  return [section('space', pairLines([
    ['capacity', formatBytes(capacityBytes)],
    ['data', `${formatBytes(used)}, ${formatShare(endBytes, capacityBytes)} of the capacity used`],
    ['live', `${formatBytes(allocatedBytes)}, ${formatShare(allocatedBytes, used)} of the data`],
    ['free', `${formatBytes(freeBytes)} in cells, ${formatCount(freePages)} pages, `
      + `${formatCount(runPages)} pages set aside for nodes`],
  ]))]
}

function vectorText({ vector }: Inspection): string[] {
  if (vector === undefined) return []
  const { type, elementBytes, size, capacityElements, flushedSize, flushedMs } = vector
  return [section('vector', pairLines([
    ['elements', `${formatCount(size)} of ${textOfDescriptor(type)}, ${elementBytes} bytes each`],
    ['room', `for ${formatCount(capacityElements)}`],
    ['flushed', flushedMs === 0
      ? 'never'
      : `${formatCount(flushedSize)} elements, ${formatTime(flushedMs)}`],
  ]))]
}

const END_TEXT: { readonly [K in LogEnd['kind']]: (end: LogEnd & { kind: K }) => string } = {
  nothing: () => 'nothing behind it',
  incomplete: ({ epoch, position }) => `the record of commit ${epoch} at ${position} is incomplete`,
  tail: ({ epoch, page }) => `of commit ${epoch}, page ${page} never reached the disk`,
  damaged: ({ epoch, position }) => `the record of commit ${epoch} at ${position} is damaged`,
}

export const logEndText = (end: LogEnd): string =>
  (END_TEXT[end.kind] as (end: LogEnd) => string)(end)

function commitText({ epoch, checkpoint, log }: Inspection): string[] {
  if (log === undefined) return []
  const end = logEndText(log.end)
  const checkpointText = checkpoint === undefined
    ? 'no valid slot'
    : `commit ${checkpoint.epoch}, slot ${checkpoint.slot} of ${checkpoint.validSlots} valid, `
      + `${checkpoint.clean ? 'clean' : 'needs the log'}, ${formatTime(checkpoint.writtenMs)}`
  const logText = log.fileBytes === 0
    ? 'none'
    : `${formatBytes(log.fileBytes)}, ${log.ownSegments} of ${log.segments} segments in use`
  return [section('commits', pairLines([
    ['last', `commit ${epoch}`
      + (log.lastCommitMs === undefined ? '' : `, ${formatTime(log.lastCommitMs)}`)],
    ['checkpoint', checkpointText],
    ['log', logText],
    ...log.fileBytes === 0 ? [] : [['records',
      `${formatCount(log.records)} since the checkpoint, ${formatBytes(log.recordBytes)}, `
      + `${formatCount(log.changedPages)} pages changed; ${end}`] as const],
  ]))]
}

const optional = (value: number | undefined, format: (value: number) => string): string =>
  value === undefined ? '' : format(value)

/** An index is stored by the name of its map, NUL, and its own. */
export const shownName = ({ name, kind }: Pick<InspectedName, 'name' | 'kind'>): string =>
  kind === 'index' ? name.replace('\0', ' / ') : name

function nameRow(inspected: InspectedName): string[] {
  const { kind, keyType, valueType, rootPage, entries, depth, nodes, fill } = inspected
  return [
    shownName(inspected), kind, keyType, valueType,
    optional(entries, formatCount), String(rootPage),
    optional(depth, String), optional(nodes, formatCount),
    optional(fill, (share) => formatShare(share, 1)),
  ]
}

function namesText({ names, vector }: Inspection): string[] {
  if (vector !== undefined) return []
  if (names.length === 0) return [section('names', ['none'])]
  return [section('names', tableLines([
    { title: 'name' }, { title: 'kind' }, { title: 'key' }, { title: 'value' },
    numeric('entries'), numeric('root page'),
    numeric('depth'), numeric('nodes'), numeric('fill'),
  ], names.map(nameRow)))]
}

function typesText({ types }: Inspection): string[] {
  if (types.length === 0) return []
  return [section('types', tableLines(
    [numeric('id'), { title: 'type' }, { title: 'descriptor' }],
    types.map(({ id, text, descriptor }) => [String(id), text, JSON.stringify(descriptor) ?? ''])))]
}

function freeText({ space }: Inspection): string[] {
  const freeClasses = space?.freeClasses ?? []
  if (freeClasses.length === 0) return []
  return [section('free cells by size', tableLines(
    [numeric('from'), numeric('cells'), numeric('bytes')],
    freeClasses.map(({ fromBytes, cells, bytes }) =>
      [formatBytes(fromBytes), formatCount(cells), formatBytes(bytes)])))]
}

function namedText({ space }: Inspection): string[] {
  const named = space?.named ?? []
  if (named.length === 0) return []
  return [section('packed regions that are named', tableLines(
    [numeric('id in the store'), numeric('times')],
    named.map(({ regionId, count }) => [String(regionId), formatCount(count)])))]
}

const ALIVE = { true: 'yes', false: 'no: it died', undefined: 'not known' } as const

function handlesText({ handles }: Inspection): string[] {
  if (handles.length === 0) return []
  return [section('handles', tableLines(
    [numeric('slot'), { title: 'kind' }, numeric('process'), { title: 'alive' },
      { title: 'reads commit' }],
    handles.map(({ slot, kind, pid, alive, pinEpoch }) => [
      String(slot), kind, String(pid), ALIVE[`${alive}`], pinEpoch === 0n ? '' : String(pinEpoch),
    ])))]
}

export type Checked = Pick<Inspection, 'problems' | 'problemCount' | 'disturbed'>

const DISTURBED = 'Others wrote all the while: figures may be of several commits'

export function problemsText(
  { problems, problemCount, disturbed }: Checked,
): string {
  if (problemCount === 0) {
    return disturbed ? `${DISTURBED}.`
      : 'No damage found in what was read: headers, log, maps, free lists.'
  }
  const more = problemCount - problems.length
  const lines = tableLines([{ title: 'where' }, numeric('page'), { title: 'what' }],
    problems.map(({ where, page, message }) => [where, optional(page, String), message]))
  const title = disturbed
    ? `${DISTURBED}, and these problems none. Try again`
    : `DAMAGE: ${formatCount(problemCount)} problems`
  return section(title, more > 0 ? [...lines, `… and ${formatCount(more)} more`] : lines)
}

/** The whole of it, sections divided by empty lines. */
export const inspectionText = (inspection: Inspection): string => [
  identityText(inspection),
  ...spaceText(inspection),
  ...commitText(inspection),
  ...vectorText(inspection),
  ...namesText(inspection),
  ...typesText(inspection),
  ...freeText(inspection),
  ...namedText(inspection),
  ...handlesText(inspection),
  problemsText(inspection),
].join('\n\n')
