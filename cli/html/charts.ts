/** Tables, bars and histograms, drawn here: they need no script. */
import { html, type Markup } from './markup.js'
import { formatCount } from '../print/units.js'

export interface HtmlColumn { title: string; kind?: 'number' | 'wrap' | 'bar' }

const CLASSES = { number: 'n', wrap: 'wrap', bar: 'bar', '': '' } as const

type Cell = string | number | bigint | Markup

export function table(columns: readonly HtmlColumn[], rows: readonly (readonly Cell[])[]): Markup {
  const classOf = (i: number) => CLASSES[columns[i]?.kind ?? '']
  return html`<div class="scroll"><table><thead><tr>${columns.map(({ title }, i) =>
    html`<th class="${classOf(i)}">${title}</th>`)}</tr></thead><tbody>${rows.map((row) =>
    html`<tr>${row.map((cell, i) => html`<td class="${classOf(i)}">${cell}</td>`)}</tr>
`)}</tbody></table></div>`
}

/** Shares of a whole, one beside the other. */
export function bar(parts: readonly number[], whole: number): Markup {
  const width = (part: number) => (whole === 0 ? 0 : part / whole * 100).toFixed(2)
  return html`<div class="track">${parts.map((part, i) =>
    html`<i class="${i === 0 ? 'one' : 'two'}" style="width:${width(part)}%"></i>`)}</div>`
}

const WIDTH = 260
const HEIGHT = 90

/** Ten columns, from empty to full. */
export function histogram(title: string, tenths: readonly number[]): Markup {
  const most = Math.max(1, ...tenths)
  const step = WIDTH / tenths.length
  const columns = tenths.map((count, i) => {
    const height = count === 0 ? 0 : Math.max(2, count / most * HEIGHT)
    const what = `${i * 10}–${i * 10 + 10} % full: ${formatCount(count)}`
    return html`<rect class="col" x="${i * step + 1}" y="${(HEIGHT - height).toFixed(1)}" width="${
      step - 2}" height="${height.toFixed(1)}"><title>${what}</title></rect>`
  })
  const total = tenths.reduce((sum, count) => sum + count, 0)
  return html`<figure><figcaption>${title}: ${formatCount(total)}, tallest ${formatCount(most)
  }</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT + 18}" width="${WIDTH}" height="${HEIGHT + 18
  }" role="img" aria-label="${title} by how full they are">${columns}
<line class="axis" x1="0" y1="${HEIGHT}" x2="${WIDTH}" y2="${HEIGHT}"/><text x="0" y="${HEIGHT + 13
  }">empty</text><text x="${WIDTH}" y="${HEIGHT + 13}" text-anchor="end">full</text></svg></figure>`
}
