/**
 * The whole page: one file, which loads nothing. Its policy lets only this script run, so that
 * nothing else could, even if it got in.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { formatBytes, formatCount } from '../print/units.js'
import type { StoreInspection } from '../read/store.js'
import { table } from './charts.js'
import { html, Markup, NOTHING } from './markup.js'
import type { FileReport } from './report.js'
import { badge, fileSections } from './sections.js'
import { STYLE } from './style.js'

/** The compiled script, without what is for debuggers. */
const scriptText = (): string =>
  readFileSync(new URL('./client.js', import.meta.url), 'utf8').replace(/^\/\/# source.*$/gm, '')

/** What every such page begins with, and hardly another file. */
export const PAGE_BEGIN = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="rstore inspect">
`

function frame(title: string, body: Markup): string {
  const script = scriptText()
  const hash = createHash('sha256').update(script).digest('base64')
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`
  const begin = new Markup(PAGE_BEGIN)
  return html`${begin}<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
${body}
<footer>Made by <code>rstore inspect --html</code>, ${new Date().toISOString()}.
Nothing was changed.</footer>
<script type="module">${new Markup(script)}</script>
</body>
</html>
`.text
}

export function filePage(report: FileReport): string {
  const { inspection } = report
  return frame(`${inspection.file} – rstore`, html`<header><h1>${inspection.file}</h1>
<p>${badge(inspection)}</p></header>
<main>${fileSections(report, 'map-0')}</main>`)
}

/** A region of a store, looked at; others are only listed. `file` as the store names it. */
export interface StorePart { title: string; file: string; report: FileReport }

const anchor = (index: number): string => `region-${index}`

function storeTable({ regions }: StoreInspection, parts: readonly StorePart[]): Markup {
  const indexOf = (file: string) =>
    parts.findIndex((part) => part.file === file)
  return table([
    { title: 'id', kind: 'number' }, { title: 'name', kind: 'wrap' }, { title: 'kind' },
    { title: 'named', kind: 'number' }, { title: 'length', kind: 'number' },
    { title: 'on the disk', kind: 'number' }, { title: '' }, { title: 'file', kind: 'wrap' },
  ], regions.map(({ id, name, kind, references, fileBytes, diskBytes, file }) => {
    const index = indexOf(file)
    return [
      id, name ?? '–', kind, formatCount(references),
      fileBytes === undefined ? 'MISSING' : formatBytes(fileBytes),
      diskBytes === undefined ? '' : formatBytes(diskBytes),
      index < 0 ? '' : badge(parts[index]!.report.inspection),
      index < 0 ? file : html`<a href="#${anchor(index)}">${file}</a>`,
    ]
  }))
}

export function storePage(store: StoreInspection, parts: readonly StorePart[]): string {
  const left = store.regions.length + 1 - parts.length
  const problems = store.problems.map(({ message }) => html`<p class="bad">${message}</p>`)
  return frame(`${store.folder} – rstore`, html`<header><h1>store ${store.folder}</h1></header>
<main><section class="card"><h2>Regions</h2>
<p class="quiet">${formatCount(store.regions.length)} regions and the catalog. ${left > 0
    ? `The ${formatCount(parts.length)} largest are shown below.` : ''}</p>${problems}
<nav>${storeTable(store, parts)}</nav></section>
${store.strangers.length === 0 ? NOTHING : html`<section class="card"><h2>Files that the catalog
does not know</h2>${table([{ title: 'file' }], store.strangers.map((file) => [file]))}</section>`}
${parts.map(({ title, report }, i) => html`<article id="${anchor(i)}"><h1>${title}</h1>
<p class="quiet"><code>${report.inspection.file}</code> ${badge(report.inspection)}</p>
${fileSections(report, `map-${i}`)}</article>`)}</main>`)
}
