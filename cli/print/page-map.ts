/** The map of a file's pages on a terminal: a letter for each page, or for each few of them. */
import type { Inspection } from '../read/inspection.js'
import { pageGroups, pagesPerGroup, useTotals, type PageGroup } from '../read/page-groups.js'
import { USE_NAMES, type PageMap, type Use } from '../read/page-map.js'
import { styled } from './colour.js'
import { numeric, section, tableLines } from './table.js'
import { formatBytes, formatCount, formatShare } from './units.js'

type Style = Parameters<typeof styled>[0]

/** A letter says what it is where there is no colour, its case whether it is at least half full. */
const LOOK: Readonly<Record<Use, readonly [letter: string, style: Style]>> = {
  header: ['H', 'white'],
  checksums: ['C', 'gray'],
  catalog: ['T', 'magentaBright'],
  inner: ['I', 'blueBright'],
  leaf: ['L', 'blue'],
  record: ['R', 'green'],
  text: ['S', 'yellow'],
  array: ['A', 'cyan'],
  element: ['E', 'green'],
  free: ['.', 'gray'],
  unused: ['·', 'gray'],
  unknown: ['?', 'redBright'],
}

const DAMAGED: readonly [string, Style] = ['!', 'redBright']

const ROWS = 24
const DEFAULT_COLUMNS = 100
/** For the page numbers at the left. */
const MARGIN = 14

const HALF_FULL = 50

function glyph({ use, fill, wrong }: PageGroup): string {
  const [letter, style] = wrong > 0 ? DAMAGED : LOOK[use]
  return styled(style, wrong === 0 && fill < HALF_FULL ? letter.toLowerCase() : letter)
}

function gridLines(map: PageMap): string[] {
  const columns = Math.min(process.stdout.columns ?? DEFAULT_COLUMNS, 160) - MARGIN
  const width = 2 ** Math.max(4, Math.floor(Math.log2(columns)))
  const perGroup = pagesPerGroup(map.pageCount, width * ROWS)
  const lines: string[] = []
  let line = ''
  let count = 0
  for (const group of pageGroups(map, perGroup)) {
    if (count % width === 0) line = `${formatCount(group.first).padStart(10)}  `
    line += glyph(group)
    if (++count % width === 0) lines.push(line)
  }
  if (count % width !== 0) lines.push(line)
  const each = perGroup === 1 ? 'one page' : `${formatCount(perGroup)} pages`
  return [`each letter is ${each}: capital when at least half of it is in use`, '', ...lines]
}

function usesTable(map: PageMap, memoryKnown: boolean): string[] {
  const rows = useTotals(map).map(({ use, pages, bytes, fill, inMemory, wrong }) => [
    LOOK[use][0], USE_NAMES[use], formatCount(pages), formatBytes(bytes),
    `${fill} %`, memoryKnown ? formatShare(inMemory, pages) : '?',
    wrong > 0 ? formatCount(wrong) : '',
  ])
  return tableLines([
    { title: '' }, { title: 'pages by use' }, numeric('pages'), numeric('bytes'),
    numeric('full'), numeric('in memory'), numeric('damaged'),
  ], rows)
}

/** A bar of the share of each tenth: `▁▂▃▄▅▆▇█`. */
export function histogramText(counts: readonly number[]): string {
  const most = Math.max(...counts)
  return counts.map((count) =>
    count === 0 ? '·' : '▁▂▃▄▅▆▇█'[Math.min(7, Math.floor(count / most * 8))]).join('')
}

function nodesLines({ nodeFill }: PageMap): string[] {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
  const rows = (['inner', 'leaf'] as const).filter((kind) => sum(nodeFill[kind]) > 0)
    .map((kind) =>
      [USE_NAMES[kind], formatCount(sum(nodeFill[kind])), histogramText(nodeFill[kind])])
  if (rows.length === 0) return []
  return tableLines([{ title: 'nodes' }, numeric('count'), { title: 'fill 0 … 100 %' }], rows)
}

function namesTable({ names, root }: Inspection): string[] {
  const rooted = root?.space === undefined ? [] : [{ name: '(root)', space: root.space }]
  const spaces = [...names, ...rooted].flatMap(({ name, space }) =>
    space === undefined ? [] : [{ name: name.replace('\0', ' / '), ...space }])
  if (spaces.length === 0) return []
  const rows = spaces.sort((a, b) => b.nodeBytes + b.cellBytes - a.nodeBytes - a.cellBytes)
    .map(({ name, nodes, nodeBytes, cells, cellBytes }) => [
      name, formatCount(nodes), formatBytes(nodeBytes), formatCount(cells), formatBytes(cellBytes),
      formatBytes(nodeBytes + cellBytes),
    ])
  return tableLines([
    { title: 'space by name' }, numeric('nodes'), numeric('bytes'),
    numeric('values'), numeric('bytes'), numeric('in all'),
  ], rows)
}

export interface ShownMap {
  map: PageMap
  inspection: Inspection
  /** What the cells of a type are called. */
  typeName(typeId: number): string
  memoryKnown: boolean
}

function typesTable({ map, typeName }: ShownMap): string[] {
  if (map.types.length === 0) return []
  return tableLines([
    { title: 'space by type of cell' }, numeric('cells'), numeric('bytes'), numeric('each'),
  ], map.types.map(({ typeId, cells, bytes }) => [
    typeName(typeId), formatCount(cells), formatBytes(bytes),
    formatBytes(Math.round(bytes / cells)),
  ]))
}

export function pageMapText(shown: ShownMap): string {
  const { map, inspection, memoryKnown } = shown
  const title = `${inspection.file}: ${formatCount(map.pageCount)} pages`
  const tables = [
    usesTable(map, memoryKnown), nodesLines(map), namesTable(inspection), typesTable(shown),
  ]
  return [
    section(title, gridLines(map)),
    ...tables.filter((lines) => lines.length > 0).map((lines) => lines.join('\n')),
  ].join('\n\n')
}

/** No more groups than this in `--json`. */
const JSON_GROUPS = 65_536

/** The same for programs. */
export function pageMapData({ map, inspection, typeName, memoryKnown }: ShownMap) {
  const perGroup = pagesPerGroup(map.pageCount, JSON_GROUPS)
  const names = inspection.names.map(({ name }) => name)
  const nameOf = (owner: number) => owner === 0 ? undefined : names[owner - 1] ?? '(root)'
  return {
    file: inspection.file,
    pageCount: map.pageCount,
    pagesPerGroup: perGroup,
    memoryKnown,
    uses: useTotals(map),
    names: inspection.names.map(({ name, kind, space }) => ({ name, kind, ...space })),
    types: map.types.map((type) => ({ type: typeName(type.typeId), ...type })),
    nodeFill: map.nodeFill,
    groups: [...pageGroups(map, perGroup)].map(({ owner, ...group }) =>
      ({ ...group, name: nameOf(owner) })),
    problemCount: inspection.problemCount,
    problems: inspection.problems,
    disturbed: inspection.disturbed,
  }
}
