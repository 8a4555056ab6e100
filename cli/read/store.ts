/** A store: a folder with a catalog of its regions. Read from the files alone, like a region. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { C, CellHeader } from '../../formats/index.js'
import { readCatalog } from './catalog.js'
import { blobIn, cellAt } from './cells.js'
import { NotReadable } from './identity.js'
import { typesOf } from './inspection.js'
import type { Problem } from './problems.js'
import { readRegion, type RegionImage } from './region.js'
import type { RecordShape } from './shapes.js'
import { walkTree } from './tree.js'

export interface StoreRegion {
  id: number
  /** null: it has none, and is there because others name it. */
  name: string | null
  kind: string
  /** Names and regions that name it. */
  references: number
  file: string
  /** undefined: there is no such file. */
  fileBytes: number | undefined
  diskBytes: number | undefined
}

export interface StoreInspection {
  folder: string
  catalog: string
  regions: StoreRegion[]
  /** Files of regions that the catalog does not know. */
  strangers: string[]
  problemCount: number
  problems: Problem[]
  disturbed: boolean
}

const CATALOG = 'catalog.region'

/** Whether a path is a folder. Throws what `fs` throws. */
export const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

type Entry = Pick<StoreRegion, 'id' | 'name' | 'kind' | 'references'>

/** Reads fields of a record by their names. */
class RecordReader {
  constructor(
    private readonly image: RegionImage,
    private readonly address: number,
    private readonly shape: RecordShape,
  ) {}

  private field(name: string) {
    return this.shape.fields.find((field) => field.name === name)
  }

  u32(name: string): number {
    const field = this.field(name)
    return field === undefined ? 0 : this.image.pages.u32(this.address + field.offset)
  }

  label(name: string): string {
    const field = this.field(name)
    if (field?.shape.kind !== 'enum') return 'unknown'
    const at = this.address + field.offset
    return field.shape.labels[this.image.pages.read(at, 2).readUInt16LE()] ?? 'unknown'
  }

  text(name: string): string | null {
    const ref = this.u32(name)
    const blob = ref === 0 ? '' : blobIn(this.image, ref, C.TYPE_STRING)
    return typeof blob === 'string' ? null : blob.toString('utf8')
  }
}

function readEntries(image: RegionImage): Entry[] {
  const types = typesOf(image)
  const map = readCatalog(image).find(({ name, kind }) => name === 'regions' && kind === 'map')
  if (map === undefined) throw new NotReadable('the catalog of the store has no map of regions')
  const entries: Entry[] = []
  walkTree(image, map.root, 'map "regions"', (node) => {
    for (let i = 0; !node.isInner && i < node.count; i++) {
      const [key, value] = [node.entries.key(i), node.entries.value(i)]
      const cell = value.length === 4 ? cellAt(image, value.readUInt32LE()) : ''
      if (typeof cell === 'string' || 'spill' in key || key.length !== 4) continue
      const shape = types.shapeOf(cell.typeId)
      if (shape?.kind !== 'record') continue
      const record = new RecordReader(image, cell.ref * C.UNIT_BYTES + CellHeader.bytes, shape)
      entries.push({
        id: Buffer.from(key).readUInt32LE(),
        name: record.text('name'),
        kind: record.label('kind'),
        references: record.u32('references'),
      })
    }
  })
  return entries
}

const fileOf = (folder: string, { id, kind }: Entry): string =>
  join(folder, kind === 'live' ? `${id}.region` : `${id}.packed`)

function withSizes(folder: string, entry: Entry): StoreRegion {
  const file = fileOf(folder, entry)
  const found = statSync(file, { throwIfNoEntry: false })
  return { ...entry, file, fileBytes: found?.size, diskBytes: found && found.blocks * 512 }
}

function strangersIn(folder: string, regions: readonly StoreRegion[]): string[] {
  const known = new Set(regions.map(({ file }) => file))
  return readdirSync(folder)
    .filter((name) => /^\d+\.(region|packed)$/.test(name))
    .map((name) => join(folder, name))
    .filter((file) => !known.has(file))
}

/** Throws NotReadable when the folder is no store, and what `fs` throws. */
export function inspectStore(folder: string): StoreInspection {
  const catalog = join(folder, CATALOG)
  if (statSync(catalog, { throwIfNoEntry: false }) === undefined) {
    throw new NotReadable(`${folder}: not a store, it has no ${CATALOG}`)
  }
  return readRegion(catalog, (image) => {
    const regions = readEntries(image).map((entry) => withSizes(folder, entry))
    for (const { id, kind, file, fileBytes } of regions) {
      if (fileBytes === undefined && kind !== 'packing') {
        image.problems.add('store', `the file of region ${id} is missing: ${file}`)
      }
    }
    const { problems } = image
    return {
      folder,
      catalog,
      regions,
      strangers: strangersIn(folder, regions),
      problemCount: problems.count,
      problems: problems.list,
      disturbed: image.isDisturbed(),
    }
  })
}
