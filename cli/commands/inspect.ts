/** `rstore inspect FILE|DIR`: what is in a region or store, without opening it. Never writes. */
import {
  closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync, writeFileSync,
} from 'node:fs'
import type { Argv } from 'yargs'
import { C } from '../../formats/index.js'
import { filePage, PAGE_BEGIN, storePage, type StorePart } from '../html/page.js'
import { reportOf, type FileReport } from '../html/report.js'
import { logText, mapText, pageText, readersText } from '../print/details.js'
import { inspectionText, shownName } from '../print/inspection.js'
import { print, toJson } from '../print/output.js'
import { pageMapData, pageMapText } from '../print/page-map.js'
import { Progress, withProgress } from '../print/progress.js'
import { storeText } from '../print/store.js'
import { readCatalog } from '../read/catalog.js'
import { pageOfRef } from '../read/cells.js'
import { inspectRegion, surveyRegion, typesOf } from '../read/inspection.js'
import { inspectLog } from '../read/log-detail.js'
import { inspectMap } from '../read/map-detail.js'
import { inspectPage } from '../read/page-detail.js'
import { readRegion, type RegionImage } from '../read/region.js'
import { inspectStore, isFolder, type StoreInspection } from '../read/store.js'
import { markInMemory, observeFile, withLife } from '../read/system.js'
import { withCleanup } from '../shared/cleanups.js'
import type { ArgumentsOf } from '../shared/command.js'
import { UsageError } from '../shared/errors.js'
import { EXIT } from '../shared/exit-codes.js'
import { refuseExisting, temporaryPath } from '../shared/files.js'
import { fileAt } from '../shared/source.js'

const VIEWS = ['pages', 'page', 'map', 'readers', 'log', 'html'] as const

export const options = (yargs: Argv) => yargs
  .positional('path', { type: 'string', demandOption: true, describe: 'A region file, or a store' })
  .option('pages', { type: 'boolean', describe: 'A map of the file: what each page is, how full' })
  .option('page', { type: 'number', requiresArg: true, describe: 'One page, field by field' })
  .option('map', {
    type: 'string', requiresArg: true, describe: 'One name: depth, fill, keys, values',
  })
  .option('readers', { type: 'boolean', describe: 'Who has it open, and which commit they read' })
  .option('log', { type: 'boolean', describe: 'The commits since the last checkpoint' })
  .option('html', {
    type: 'string', requiresArg: true,
    describe: 'All of it as one page for a browser, into this file, or over an earlier such page',
  })
  .option('json', { type: 'boolean', default: false, describe: 'One JSON document' })
  .check((args) => {
    const views = VIEWS.filter((view) => args[view] !== undefined)
    if (views.length > 1) throw new UsageError(`choose one of --${views.join(' and --')}`)
    if (args.page !== undefined && !(Number.isSafeInteger(args.page) && args.page >= 0)) {
      throw new UsageError('--page: the number of a page, from 0 on')
    }
    return true
  })
  .example('$0 inspect cities.region', 'Tables for people')
  .example('$0 inspect cities.region --json', 'The same for programs')
  .example('$0 inspect cities.region --pages', 'What the file is full of')
  .example('$0 inspect cities.region --page 42', 'One page with its bytes')
  .example('$0 inspect cities.region --map cities', 'One map')
  .example('$0 inspect store --html store.html', 'A whole store, for a browser')

type Arguments = ArgumentsOf<typeof options>

interface Checked { problemCount: number; disturbed: boolean }

/** What was found while others wrote may be no damage: to be tried again. */
function setExitCode({ problemCount, disturbed }: Checked): void {
  if (problemCount > 0) process.exitCode = disturbed ? EXIT.busy : EXIT.damage
}

/** Reads a region under a progress bar, and sets the exit code. */
function look<R>(
  path: string, title: string, view: (image: RegionImage, progress: Progress) => R,
): Promise<R> {
  return withProgress({ title }, (progress) => {
    const { result, checked } = readRegion(path, (image) => ({
      result: view(image, progress),
      checked: { problemCount: image.problems.count, disturbed: image.isDisturbed() },
    }))
    setExitCode(checked)
    return result
  })
}

async function showOverview(path: string, json: boolean): Promise<void> {
  const inspection = await look(path, 'reading', (image, progress) =>
    inspectRegion(image, progress.onProgress))
  const seen = await observeFile(path, inspection.identity.kind === 'shared')
  const shown = { ...inspection, handles: withLife(inspection.handles, seen) }
  print(json ? toJson(shown) : inspectionText(shown))
}

async function showPages(path: string, json: boolean): Promise<void> {
  const { inspection, types, map } = await look(path, 'reading pages', (image, progress) =>
    surveyRegion(image, progress.onProgress))
  const seen = await observeFile(path, inspection.identity.kind === 'shared')
  const shown = {
    map, inspection, memoryKnown: markInMemory(map, seen),
    typeName: (typeId: number) => types.nameOf(typeId),
  }
  print(json ? toJson(pageMapData(shown)) : pageMapText(shown))
}

async function showPage(path: string, page: number, json: boolean): Promise<void> {
  const detail = await look(path, 'looking for the page', (image, progress) => {
    const bytes = Math.max(image.fileBytes, image.endUnits * C.UNIT_BYTES)
    const last = Math.ceil(bytes / C.PAGE_BYTES) - 1
    if (page > last) throw new UsageError(`--page: the last page of ${path} is ${last}`)
    return inspectPage(image, typesOf(image), page, progress.onProgress)
  })
  const { pagesInMemory } = await observeFile(path, false)
  const inMemory = pagesInMemory === undefined ? undefined : pagesInMemory[page] === 1
  const shown = { ...detail, inMemory }
  print(json ? toJson(shown) : pageText(shown))
}

/** An index is called `map / index`, as `inspect` shows it. */
function entryOf(image: RegionImage, name: string) {
  const entries = readCatalog(image)
  const entry = entries.find((candidate) => candidate.name === name)
    ?? entries.find((candidate) => shownName(candidate) === name)
  if (entry === undefined || entry.kind === 'value') {
    const known = entries.filter(({ kind }) => kind !== 'value').map(shownName)
    const what = entry === undefined ? `there is no map ${JSON.stringify(name)}; there are: `
      : `${JSON.stringify(name)} is a single value, which \`rstore get\` shows; maps are: `
    throw new UsageError(`--map: ${what}`
      + known.map((shown) => JSON.stringify(shown)).join(', '))
  }
  return entry
}

async function showMap(path: string, name: string, json: boolean): Promise<void> {
  const detail = await look(path, 'reading the map', (image, progress) =>
    inspectMap(image, typesOf(image), entryOf(image, name), (nodes) =>
      progress.update(nodes, Math.max(nodes, pageOfRef(image.endUnits)))))
  print(json ? toJson(detail) : mapText(detail))
}

async function showReaders(path: string, json: boolean): Promise<void> {
  const { handles, epoch, writer, shared } = await look(path, 'reading', (image) => ({
    handles: image.lock?.handles ?? [], epoch: image.epoch, writer: image.lock?.writer,
    shared: image.identity.kind === 'shared',
  }))
  const readers = { handles: withLife(handles, await observeFile(path, shared)), epoch, writer }
  print(json ? toJson(readers) : readersText(readers))
}

async function showLog(path: string, json: boolean): Promise<void> {
  const log = await look(path, 'reading the log', inspectLog)
  print(json ? toJson(log) : logText(log))
}

/** An earlier page may be written over, and nothing else. */
function refuseOther(out: string): void {
  if (existsSync(out) && isPage(out)) return
  refuseExisting(out)
}

/** Whether a file begins like those that we write. */
function isPage(path: string): boolean {
  if (!statSync(path).isFile()) return false
  const file = openSync(path, 'r')
  try {
    const begin = Buffer.alloc(PAGE_BEGIN.length)
    readSync(file, begin)
    return begin.toString('latin1') === PAGE_BEGIN
  } finally {
    closeSync(file)
  }
}

/** Under a name that nobody has, then renamed: nothing half done is left behind. */
function writeWhole(path: string, text: string): Promise<void> {
  const temporary = temporaryPath(path)
  return withCleanup(() => {
    writeFileSync(temporary, text, { flag: 'wx' })
    renameSync(temporary, path)
  }, () => rmSync(temporary, { force: true }))
}

function reportUnderBar(path: string, title: string): Promise<FileReport> {
  return withProgress({ title }, async (progress) => {
    const report = await reportOf(path, progress.onProgress)
    setExitCode(report.inspection)
    return report
  })
}

async function writeFilePage(path: string, out: string): Promise<void> {
  refuseOther(out)
  await writeWhole(out, filePage(await reportUnderBar(path, 'reading pages')))
}

/** More regions of a store are listed only. */
const SHOWN_REGIONS = 30

async function writeStorePage(store: StoreInspection, out: string): Promise<void> {
  refuseOther(out)
  const largest = store.regions.filter(({ fileBytes }) => fileBytes !== undefined)
    .sort((a, b) => b.fileBytes! - a.fileBytes!)
    .slice(0, SHOWN_REGIONS)
    .map(({ id, name, file }) =>
      ({ title: name === null ? `region ${id}` : `region ${id}: ${name}`, file }))
  const parts: StorePart[] = []
  for (const { title, file } of [...largest, { title: 'the catalog', file: store.catalog }]) {
    parts.push({ title, file, report: await reportUnderBar(file, 'reading pages') })
  }
  await writeWhole(out, storePage(store, parts))
}

async function showStore(path: string, args: Arguments): Promise<void> {
  const view = VIEWS.find((name) => name !== 'html' && args[name] !== undefined)
  if (view !== undefined) {
    throw new UsageError(`--${view}: is for a file; name one of the store, such as its `
      + 'catalog.region')
  }
  const store = inspectStore(path)
  setExitCode(store)
  if (args.html !== undefined) return writeStorePage(store, args.html)
  print(args.json ? toJson(store) : storeText(store))
}

export async function run(args: Arguments): Promise<void> {
  const { page, map, json } = args
  if (isFolder(args.path)) return showStore(args.path, args)
  const path = await fileAt(args.path)
  if (args.pages) return showPages(path, json)
  if (page !== undefined) return showPage(path, page, json)
  if (map !== undefined) return showMap(path, map, json)
  if (args.readers) return showReaders(path, json)
  if (args.log) return showLog(path, json)
  if (args.html !== undefined) return writeFilePage(path, args.html)
  return showOverview(path, json)
}
