/** One page, one map, the log, the handles: for people. */
import { C } from '../../formats/index.js'
import type { NotedHandle } from '../read/lock.js'
import type { MapDetail, Sizes } from '../read/map-detail.js'
import type { CellDetail, PageDetail } from '../read/page-detail.js'
import type { LogDetail } from '../read/log-detail.js'
import type { FieldRow } from '../read/values.js'
import { logEndText } from './inspection.js'
import { histogramText } from './page-map.js'
import { numeric, pairLines, section, tableLines } from './table.js'
import { formatBytes, formatCount, formatShare, formatTime } from './units.js'

// ── a page ──

const yesNo = (value: boolean | undefined, yes: string, no: string): string =>
  value === undefined ? 'not known' : value ? yes : no

/** What fits beside the field: more is in the dump below. */
const ROW_BYTES = 12

const LONGEST_VALUE = 100

const shorten = (text: string): string =>
  text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE - 1)}…`

/** Bytes in hex, apart. */
const spaced = (hex: string): string => hex.replace(/..(?=.)/g, '$& ')

function rowCells(page: PageDetail, cell: CellDetail, row: FieldRow): string[] {
  const offset = cell.ref * 8 - page.address + row.offset
  const at = cell.ref === 0 ? row.offset : offset
  const hex = at >= 0 && at < C.PAGE_BYTES
    ? page.bytes.slice(at * 2, Math.min(at + Math.min(row.bytes, ROW_BYTES), C.PAGE_BYTES) * 2)
    : ''
  const more = row.bytes > ROW_BYTES ? '…' : ''
  return [
    at < 0 ? 'before' : String(at), String(row.bytes), spaced(hex) + more, row.name,
    shorten(row.value),
  ]
}

function cellLines(page: PageDetail, cell: CellDetail): string {
  const title = cell.ref === 0
    ? cell.type
    : `ref ${cell.ref}: ${cell.type}, ${formatBytes(cell.bytes)}${cell.free ? ', free' : ''}`
  const rows = cell.rows.map((row) => rowCells(page, cell, row))
  if (rows.length === 0) return title
  return section(title, tableLines([
    numeric('offset'), numeric('bytes'), { title: 'as they are' }, { title: 'field' },
    { title: 'value' },
  ], rows))
}

function dumpLines(hex: string): string[] {
  const lines: string[] = []
  const zeros = '0'.repeat(32)
  let skipped = false
  for (let at = 0; at < C.PAGE_BYTES; at += 16) {
    const line = hex.slice(at * 2, at * 2 + 32)
    if (line === zeros) {
      if (!skipped) lines.push('…  zeros')
      skipped = true
      continue
    }
    skipped = false
    const text = Buffer.from(line, 'hex').toString('latin1').replace(/[^\x20-\x7e]/g, '·')
    lines.push(`${String(at).padStart(4)}  ${spaced(line)}  ${text}`)
  }
  return lines
}

export function pageText(page: PageDetail): string {
  const head = section(`page ${formatCount(page.page)}`, pairLines([
    ['what', page.what],
    ...page.name === undefined ? [] : [['of', page.name.replace('\0', ' / ')] as const],
    ['address', `${formatCount(page.address)} … ${formatCount(page.address + C.PAGE_BYTES - 1)}`],
    ['checksum', yesNo(page.checksumRight, 'right', 'WRONG')],
    ['log', `${page.inLog ? 'changed' : 'not changed'} by commits since the checkpoint`],
    ['memory', yesNo(page.inMemory, 'in memory', 'only on the disk')],
  ]))
  return [
    head, ...page.cells.map((cell) => cellLines(page, cell)),
    section('bytes', dumpLines(page.bytes)),
  ].join('\n\n')
}

// ── a map ──

function sizesText({ count, bytes, smallest, largest }: Sizes): string {
  if (count === 0) return 'none'
  return `${formatBytes(smallest)} … ${formatBytes(largest)}, `
    + `${formatBytes(Math.round(bytes / count))} on average, ${formatBytes(bytes)} in all`
}

function powersLines(title: string, { powers, count }: Sizes): string[] {
  if (count === 0) return []
  const most = Math.max(...powers)
  const rows = powers.flatMap((n, power) => n === 0 ? [] : [[
    formatBytes(2 ** power), formatCount(n), formatShare(n, count),
    '█'.repeat(Math.ceil(n / most * 40)),
  ]])
  return [section(title, tableLines(
    [numeric('up to'), numeric('count'), numeric('share'), { title: '' }], rows))]
}

export function mapText(map: MapDetail): string {
  const { name, kind, keyType, valueType, shape, keys, values, levels, leafFill } = map
  const fill = formatShare(shape.usedBytes, shape.nodeBytes)
  const head = section(name.replace('\0', ' / '), pairLines([
    ['kind', `${kind}, ${keyType} → ${valueType}`],
    ['entries', formatCount(shape.entries)],
    ['depth', `${shape.depth}, ${formatCount(shape.nodes)} nodes of which ${fill} is in use`],
    ['leaves', `${histogramText(leafFill)}  by fill, 0 … 100 %`],
    ['keys', `${formatCount(keys.count)}: ${sizesText(keys)}`],
    ...keys.spilled === 0 ? []
      : [['long keys', `${formatCount(keys.spilled)} in cells of their own`] as const],
    ...keys.first === undefined ? []
      : [['first key', keys.first] as const, ['last key', keys.last ?? ''] as const],
    ['values', values === undefined ? 'in the leaves' : sizesText(values)],
  ]))
  const table = section('levels, from the root', tableLines([
    numeric('level'), numeric('nodes'), numeric('keys'), numeric('bytes'), numeric('full'),
  ], levels.map(({ level, nodes, keys: count, bytes, usedBytes }) => [
    String(level), formatCount(nodes), formatCount(count), formatBytes(bytes),
    formatShare(usedBytes, bytes),
  ])))
  return [
    head, table, ...powersLines('sizes of keys', keys),
    ...values === undefined ? [] : powersLines('sizes of values, headers included', values),
  ].join('\n\n')
}

// ── the log ──

export function logText(log: LogDetail): string {
  const head = section('log', pairLines([
    ['file', log.fileBytes === 0
      ? 'none'
      : `${formatBytes(log.fileBytes)}, ${log.segments} segments`],
    ['in use', `${log.ownSegments} segments since the checkpoint at commit ${log.checkpointEpoch}`],
    ['records', `${formatCount(log.recordCount)}, ${formatBytes(log.recordBytes)}`],
    ['end', logEndText(log.end)],
  ]))
  if (log.records.length === 0) return head
  const table = tableLines([
    numeric('commit'), { title: 'when' }, numeric('process'), numeric('bytes'),
    numeric('pages'), numeric('lines'), numeric('new pages'), { title: '' },
  ], log.records.map((record) => [
    String(record.epoch), formatTime(record.committedMs), String(record.writerPid),
    formatBytes(record.recordBytes), formatCount(record.pageCount), formatCount(record.lineCount),
    formatCount(record.tailPageCount), record.synced ? 'synced' : '',
  ]))
  const more = log.recordCount - log.records.length
  const title = more > 0 ? `the last ${formatCount(log.records.length)} records` : 'records'
  return [head, section(title, table)].join('\n\n')
}

// ── handles ──

const ageText = (ms: number): string =>
  ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : `${formatCount(Math.round(ms / 1000))} s`

export interface Readers {
  handles: readonly NotedHandle[]
  /** The last commit: what a reader is behind. */
  epoch: bigint
  /** Slot of the handle that holds the write lock. */
  writer: number | undefined
}

export function readersText({ handles, epoch, writer }: Readers): string {
  if (handles.length === 0) return 'Nobody has it open, as far as the lock file tells.'
  return tableLines([
    numeric('slot'), { title: 'kind' }, numeric('process'), numeric('thread'), { title: 'alive' },
    { title: 'lock' }, numeric('reads commit'), numeric('behind'), numeric('for'),
  ], handles.map(({ slot, kind, pid, threadId, alive, pinEpoch, pinnedMs }) => [
    String(slot), kind, String(pid), String(threadId), yesNo(alive, 'yes', 'NO: it died'),
    slot === writer ? 'writes' : '', pinEpoch === 0n ? '' : String(pinEpoch),
    pinEpoch === 0n ? '' : String(epoch - pinEpoch),
    pinEpoch === 0n ? '' : ageText(Date.now() - pinnedMs),
  ])).join('\n')
}
