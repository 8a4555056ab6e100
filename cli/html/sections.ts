/** The parts of the page about one file. */
import { C } from '../../formats/index.js'
import { logEndText, shownName } from '../print/inspection.js'
import { formatBytes, formatCount, formatShare, formatTime } from '../print/units.js'
import type { Inspection } from '../read/inspection.js'
import { bar, histogram, table } from './charts.js'
import { embeddedJson, html, NOTHING, type Markup } from './markup.js'
import type { FileReport } from './report.js'

const ALIVE = { true: 'yes', false: 'no: it died', undefined: 'not known' } as const

const card = (title: string, note: string, content: Markup | readonly Markup[]): Markup =>
  html`<section class="card"><h2>${title}</h2><p class="quiet">${note}</p>${content}</section>
`

export function badge({ problemCount, disturbed }: Inspection): Markup {
  if (disturbed) return html`<span class="badge warn">was written to meanwhile</span>`
  if (problemCount === 0) return html`<span class="badge good">no damage found</span>`
  return html`<span class="badge bad">${formatCount(problemCount)} problems</span>`
}

const fact = (value: string, what: string): Markup =>
  html`<div class="fact"><b>${value}</b><span>${what}</span></div>`

function factsOf({ inspection, log, names }: FileReport): Markup {
  const { fileBytes, diskBytes, identity, space, vector, epoch, handles } = inspection
  const entries = names.filter(({ kind }) => kind !== 'index')
    .reduce((sum, name) => sum + (name.entries ?? 0), 0)
  return html`<div class="facts">${[
    fact(formatBytes(diskBytes), `on the disk, ${formatBytes(fileBytes)} long`),
    fact(formatBytes(identity.capacityBytes), `capacity of the ${identity.kind} region`),
    ...space === undefined ? [] : [
      fact(formatBytes(space.allocatedBytes), 'in live cells'),
      fact(formatBytes(space.freeBytes + space.freePages * C.PAGE_BYTES), 'free inside the data'),
      fact(formatCount(entries), `entries under ${formatCount(names.length)} names`),
    ],
    ...vector === undefined ? [] : [
      fact(formatCount(vector.size), `elements of ${vector.type}`),
      fact(formatCount(vector.capacityElements), 'elements have room'),
    ],
    ...epoch === undefined ? [] : [
      fact(formatCount(epoch), 'commits in all'),
      fact(formatBytes(log.recordBytes), `in the log, ${formatCount(log.recordCount)} commits`),
      fact(formatCount(handles.length), 'handles have it open'),
    ],
  ]}</div>`
}

function problems({ inspection: { problems: list, problemCount, disturbed } }: FileReport): Markup {
  if (problemCount === 0) return NOTHING
  const more = problemCount - list.length
  const note = disturbed
    ? 'Other processes wrote all the while: these may be none. Try again.'
    : 'What is shown below is what could be read.'
  return card(`${formatCount(problemCount)} problems`, note, [
    table([{ title: 'where' }, { title: 'page', kind: 'number' }, { title: 'what', kind: 'wrap' }],
      list.slice(0, 200).map(({ where, page, message }) => [where, page ?? '', message])),
    more > 0 ? html`<p>… and ${formatCount(more)} more</p>` : NOTHING,
  ])
}

function pages({ map, uses, memoryKnown }: FileReport, target: string): Markup {
  const swatch = (use: string) =>
    html`<span class="swatch" style="background:var(--use-${use})"></span>`
  const names = new Map(map.uses.map(({ key, name }) => [key, name]))
  const note = `${formatCount(map.pageCount)} pages of 4 KiB, from the beginning of the file at `
    + 'the top left to its end. The strong part of a tile is how full it is. The wheel, or '
    + '+ and −, zooms; hover for details. The line above the tiles is the whole file.'
  return card('Pages', note, [
    html`<div id="${target}"><p>The map needs a browser with JavaScript, of 2023 or later.</p></div>
<script type="application/json">${embeddedJson({ ...map, target })}</script>`,
    html`<details><summary>As a table</summary>${table([
      { title: 'use' }, { title: 'pages', kind: 'number' }, { title: 'bytes', kind: 'number' },
      { title: 'in use', kind: 'number' }, { title: 'in memory', kind: 'number' },
      { title: 'damaged', kind: 'number' },
    ], uses.map(({ use, pages: count, bytes, fill, inMemory, wrong }) => [
      html`${swatch(use)}${names.get(use) ?? use}`, formatCount(count), formatBytes(bytes),
      `${fill} %`, memoryKnown ? formatShare(inMemory, count) : 'not known', formatCount(wrong),
    ]))}</details>`,
  ])
}

function space({ names, types, inspection }: FileReport): Markup {
  if (inspection.space === undefined) return NOTHING
  const whole = Math.max(1, ...names.map(({ nodeBytes, cellBytes }) => nodeBytes + cellBytes))
  const largest = Math.max(1, ...types.map(({ bytes }) => bytes))
  const sorted = [...names].sort((a, b) =>
    b.nodeBytes + b.cellBytes - a.nodeBytes - a.cellBytes)
  return card('Space', 'What the names own, and what the live cells are.', [
    html`<h3>By name: <span class="swatch one"></span>nodes of trees,
<span class="swatch two"></span>values and what they own</h3>`,
    table([
      { title: 'name', kind: 'wrap' }, { title: 'kind' }, { title: 'entries', kind: 'number' },
      { title: 'nodes', kind: 'number' }, { title: 'full', kind: 'number' },
      { title: 'values', kind: 'number' }, { title: 'in all', kind: 'number' },
      { title: '', kind: 'bar' },
    ], sorted.map(({ name, kind, entries, nodeBytes, cellBytes, fill }) => [
      name, kind, entries === undefined ? '' : formatCount(entries), formatBytes(nodeBytes),
      fill === undefined ? '' : formatShare(fill, 1), formatBytes(cellBytes),
      formatBytes(nodeBytes + cellBytes), bar([nodeBytes, cellBytes], whole),
    ])),
    html`<h3>By type</h3>`,
    table([
      { title: 'type', kind: 'wrap' }, { title: 'cells', kind: 'number' },
      { title: 'bytes', kind: 'number' }, { title: 'each', kind: 'number' },
      { title: '', kind: 'bar' },
    ], types.map(({ name, cells, bytes }) => [
      name, formatCount(cells), formatBytes(bytes), formatBytes(Math.round(bytes / cells)),
      bar([bytes], largest),
    ])),
  ])
}

function fill({ nodeFill, inspection }: FileReport): Markup {
  if (inspection.space === undefined) return NOTHING
  const { freeClasses } = inspection.space
  const most = Math.max(1, ...freeClasses.map(({ bytes }) => bytes))
  return card('Fill', 'How full the nodes of all trees are, and which free cells there are.', [
    html`<div class="histograms">${histogram('Leaves', nodeFill.leaf)}${
      histogram('Inner nodes', nodeFill.inner)}</div>`,
    freeClasses.length === 0 ? NOTHING : html`<details><summary>Free cells by size</summary>${
    table([
      { title: 'from', kind: 'number' }, { title: 'cells', kind: 'number' },
      { title: 'bytes', kind: 'number' }, { title: '', kind: 'bar' },
    ], freeClasses.map(({ fromBytes, cells, bytes }) => [
      formatBytes(fromBytes), formatCount(cells), formatBytes(bytes), bar([bytes], most),
    ]))}</details>`,
  ])
}

const SHOWN_RECORDS = 100

function commits({ inspection: { checkpoint, log: state, epoch }, log }: FileReport): Markup {
  if (state === undefined) return NOTHING
  const most = Math.max(1, ...log.records.map(({ recordBytes }) => recordBytes))
  const last = log.records.slice(-SHOWN_RECORDS).reverse()
  const since = checkpoint === undefined
    ? 'No checkpoint slot is valid.'
    : `The last checkpoint is commit ${checkpoint.epoch}, of ${formatTime(checkpoint.writtenMs)}; `
      + `${checkpoint.clean ? 'it is clean: the file alone is complete' : 'the log adds the rest'}.`
  const note = `${since} The last commit is ${epoch ?? '?'}: ${logEndText(log.end)}.`
  if (last.length === 0) return card('Log', note, NOTHING)
  return card('Log', note, [
    html`<p>${formatCount(log.recordCount)} commits since the checkpoint change ${
      formatCount(state.changedPages)} pages; the file has ${formatBytes(log.fileBytes)}, ${
      log.ownSegments} of ${log.segments} segments in use. The last ones:</p>`,
    table([
      { title: 'commit', kind: 'number' }, { title: 'when' }, { title: 'process', kind: 'number' },
      { title: 'pages', kind: 'number' }, { title: 'new', kind: 'number' },
      { title: 'bytes', kind: 'number' }, { title: '' }, { title: '', kind: 'bar' },
    ], last.map((record) => [
      record.epoch, formatTime(record.committedMs), record.writerPid, formatCount(record.pageCount),
      formatCount(record.tailPageCount), formatBytes(record.recordBytes),
      record.synced ? 'synced' : '', bar([record.recordBytes], most),
    ])),
  ])
}

function readers({ inspection, writer, vectorHandles }: FileReport): Markup {
  const { handles, epoch = 0n, identity: { kind } } = inspection
  if (kind === 'packed') return NOTHING
  if (kind === 'shared') {
    const open = vectorHandles === undefined ? 'It is not known how many' : String(vectorHandles)
    return card('Readers', `${open} handles have it open.`, NOTHING)
  }
  if (handles.length === 0) return card('Readers', 'Nobody has it open.', NOTHING)
  return card('Readers', 'A handle that reads an old commit for long holds the log back.', table([
    { title: 'slot', kind: 'number' }, { title: 'kind' }, { title: 'process', kind: 'number' },
    { title: 'alive' }, { title: 'lock' }, { title: 'reads commit', kind: 'number' },
    { title: 'behind', kind: 'number' }, { title: 'since' },
  ], handles.map(({ slot, kind: what, pid, alive, pinEpoch, pinnedMs }) => [
    slot, what, pid, ALIVE[`${alive}`], slot === writer ? 'writes' : '',
    ...pinEpoch === 0n ? ['', '', ''] : [pinEpoch, epoch - pinEpoch, formatTime(pinnedMs)],
  ])))
}

function details({ inspection }: FileReport): Markup {
  const { names, types, identity, checkpoint } = inspection
  const facts = [
    `uuid ${identity.uuid}`, `generation ${identity.generation}`,
    `format version ${identity.formatVersion}`,
    ...identity.createdMs > 0 ? [`created ${formatTime(identity.createdMs)}`] : [],
    ...checkpoint === undefined ? [] : [`${checkpoint.validSlots} of 2 checkpoint slots valid`],
  ]
  return card('Details', `${facts.join(', ')}.`, [
    names.length === 0 ? NOTHING : html`<details><summary>Names</summary>${table([
      { title: 'name', kind: 'wrap' }, { title: 'kind' }, { title: 'key', kind: 'wrap' },
      { title: 'value', kind: 'wrap' }, { title: 'root page', kind: 'number' },
      { title: 'depth', kind: 'number' }, { title: 'nodes', kind: 'number' },
    ], names.map((name) => [
      shownName(name), name.kind, name.keyType, name.valueType, name.rootPage, name.depth ?? '',
      name.nodes === undefined ? '' : formatCount(name.nodes),
    ]))}</details>`,
    types.length === 0 ? NOTHING : html`<details><summary>Stored types</summary>${table([
      { title: 'id', kind: 'number' }, { title: 'type', kind: 'wrap' },
      { title: 'descriptor', kind: 'wrap' },
    ], types.map(({ id, text, descriptor }) =>
      [id, text, html`<code>${JSON.stringify(descriptor) ?? ''}</code>`]))}</details>`,
  ])
}

/** Everything about one file. `target`: an id that no other element of the page has. */
export const fileSections = (report: FileReport, target: string): readonly Markup[] => [
  factsOf(report), problems(report), pages(report, target), space(report), fill(report),
  commits(report), readers(report), details(report),
]
