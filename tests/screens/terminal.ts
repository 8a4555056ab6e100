/** What a program wrote to a terminal, as a picture: SVG, so that it stays small and sharp. */
import { escapeHtml } from '../../cli/html/markup.js'

/** Foreground colours by their SGR numbers; 39 and 0 go back to the usual one. */
const COLOURS: Readonly<Record<number, string>> = {
  30: '#484f58', 31: '#ff7b72', 32: '#3fb950', 33: '#d29922', 34: '#58a6ff', 35: '#bc8cff',
  36: '#39c5cf', 37: '#e6edf3', 90: '#6e7681', 91: '#ffa198', 92: '#56d364', 93: '#e3b341',
  94: '#79c0ff', 95: '#d2a8ff', 96: '#56d4dd', 97: '#ffffff',
}
const PLAIN = '#d0d7de'

const FONT_SIZE = 13
const CHAR_WIDTH = 7.83
const LINE_HEIGHT = 18
const PADDING = 16
const BAR = 30

interface Span { text: string; colour: string; bold: boolean }

interface Style { colour: string; bold: boolean }

function changed({ colour, bold }: Style, codes: readonly number[]): Style {
  for (const code of codes) {
    if (code === 0) [colour, bold] = [PLAIN, false]
    else if (code === 1) bold = true
    else if (code === 22) bold = false
    else if (code === 39) colour = PLAIN
    else colour = COLOURS[code] ?? colour
  }
  return { colour, bold }
}

function addSpan(spans: Span[], span: Span): void {
  const last = spans.at(-1)
  if (last?.colour === span.colour && last.bold === span.bold) last.text += span.text
  else spans.push(span)
}

/** Lines of text in one style each; other sequences than colours are left out. */
export function spansOf(output: string): Span[][] {
  let style: Style = { colour: PLAIN, bold: false }
  return output.replace(/\r/g, '').trimEnd().split('\n').map((line) => {
    const spans: Span[] = []
    for (const part of line.split(/(\u001b\[[0-9;?]*[A-Za-z])/)) {
      const sgr = /^\u001b\[([0-9;]*)m$/.exec(part)
      if (sgr !== null) style = changed(style, (sgr[1] ?? '').split(';').map(Number))
      else if (part !== '' && !part.startsWith('\u001b')) addSpan(spans, { text: part, ...style })
    }
    return spans
  })
}

const spanText = ({ text, colour, bold }: Span): string =>
  `<tspan fill="${colour}"${bold ? ' font-weight="bold"' : ''}>${escapeHtml(text)}</tspan>`

/** A window with a command and its output; longer outputs are cut. */
export function terminalSvg(
  command: string, output: string, columns: number, most: number,
): string {
  const all = spansOf(output)
  const cut: Span[][] = all.length > most ? [[{ text: '…', colour: PLAIN, bold: false }]] : []
  const prompt: Span[] = [
    { text: '$ ', colour: COLOURS[32]!, bold: true }, { text: command, colour: PLAIN, bold: true },
  ]
  const lines = [prompt, ...all.slice(0, most), ...cut]
  const width = Math.ceil(columns * CHAR_WIDTH + 2 * PADDING)
  const height = BAR + lines.length * LINE_HEIGHT + PADDING
  const text = lines.map((spans, i) => {
    const y = BAR + (i + 1) * LINE_HEIGHT - 4
    const parts = spans.map(spanText).join('')
    return `<text x="${PADDING}" y="${y}" xml:space="preserve">${parts}</text>`
  })
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map((colour, i) =>
    `<circle cx="${PADDING + 4 + i * 18}" cy="15" r="5" fill="${colour}"/>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" `
    + `viewBox="0 0 ${width} ${height}" font-family="ui-monospace, Menlo, 'DejaVu Sans Mono', `
    + `monospace" font-size="${FONT_SIZE}"><title>${escapeHtml(command)}</title>`
    + `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>${dots.join('')}\n`
    + `${text.join('\n')}\n</svg>\n`
}
