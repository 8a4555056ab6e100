/**
 * Colours, on a terminal that can show them and unless NO_COLOR says no. Only for words of ours:
 * what comes from a file goes through `escapeText`.
 */
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

const coloured = process.stdout.isTTY && process.stdout.hasColors()

export const styled = (style: Style, text: string): string =>
  coloured ? styleText(style, text) : text
