/** Tables and lists for a terminal: columns as wide as their content, numbers to the right. */
import Table from 'cli-table3'
import { styled } from './colour.js'
import { escapeText } from './escape.js'

export interface Column { title: string; right?: boolean }

/** A column of numbers: to the right. */
export const numeric = (title: string): Column => ({ title, right: true })

/** Longer cells are cut, other than in the last column: `--json` has them whole. */
const LONGEST_CELL = 60

const NO_LINES = Object.fromEntries([
  'top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right',
  'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid',
].map((place) => [place, '']))

const PLAIN = {
  chars: { ...NO_LINES, middle: '  ' },
  style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
}

const shorten = (text: string): string => {
  const chars = [...text]
  return chars.length <= LONGEST_CELL ? text : `${chars.slice(0, LONGEST_CELL - 1).join('')}…`
}

const linesOf = (table: Table.Table): string[] =>
  table.toString().split('\n').map((line) => line.trimEnd())

/** Lines of a table; every cell is made safe for the terminal. */
export function tableLines(columns: readonly Column[], rows: readonly string[][]): string[] {
  const last = columns.length - 1
  const table = new Table({
    ...PLAIN,
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ right }) => right === true ? 'right' : 'left'),
  })
  for (const row of rows) {
    table.push(row.map((cell, i) => i === last ? escapeText(cell) : shorten(escapeText(cell))))
  }
  return linesOf(table)
}

/** Lines of `name  value` pairs. */
export function pairLines(pairs: readonly (readonly [name: string, value: string])[]): string[] {
  const table = new Table(PLAIN)
  for (const [name, value] of pairs) table.push([name, escapeText(value)])
  return linesOf(table)
}

/** A title, which is made safe for the terminal, and lines indented below it. */
export const section = (title: string, lines: readonly string[]): string =>
  [styled('bold', escapeText(title)), ...lines.map((line) => `  ${line}`.trimEnd())].join('\n')
