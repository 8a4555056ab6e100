/** Tables and lists for a terminal: columns as wide as their content, numbers to the right. */
import { escapeText } from './escape.js'

export interface Column { title: string; right?: boolean }

/** A column of numbers: to the right. */
export const numeric = (title: string): Column => ({ title, right: true })

/** Columns that a text takes, with wide characters counted as one: good enough for alignment. */
const widthOf = (text: string): number => [...text].length

function pad(text: string, width: number, right: boolean): string {
  const fill = ' '.repeat(Math.max(0, width - widthOf(text)))
  return right ? fill + text : text + fill
}

/** Longer cells are cut: `--json` has them whole. */
const LONGEST_CELL = 60

const shorten = (text: string): string =>
  widthOf(text) <= LONGEST_CELL ? text : `${[...text].slice(0, LONGEST_CELL - 1).join('')}…`

/** Lines of a table; every cell is made safe for the terminal. */
export function tableLines(columns: readonly Column[], rows: readonly string[][]): string[] {
  const safe = rows.map((row) => row.map((cell, i) =>
    i === row.length - 1 ? escapeText(cell) : shorten(escapeText(cell))))
  const widths = columns.map(({ title }, i) =>
    Math.max(widthOf(title), ...safe.map((row) => widthOf(row[i] ?? ''))))
  const line = (cells: readonly string[]) => cells
    .map((cell, i) => pad(cell, widths[i]!, columns[i]!.right === true))
    .join('  ')
    .trimEnd()
  return [line(columns.map(({ title }) => title)), ...safe.map(line)]
}

/** Lines of `name  value` pairs. */
export function pairLines(pairs: readonly (readonly [name: string, value: string])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => widthOf(name)))
  return pairs.map(([name, value]) => `${pad(name, width, false)}  ${escapeText(value)}`)
}

/** A title, and lines indented below it. */
export const section = (title: string, lines: readonly string[]): string =>
  [title, ...lines.map((line) => `  ${line}`.trimEnd())].join('\n')
