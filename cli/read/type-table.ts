/** What type ids stand for: fixed ones by the format, stored ones by their descriptors. */
import { C } from '../../formats/index.js'
import type { StoredType } from './catalog.js'
import { shapeOf, type Shape } from './shapes.js'
import { typeText } from './type-text.js'

const FIXED_NAMES = new Map<number, string>([
  [C.TYPE_FREE, 'free cell'], [C.TYPE_NODE, 'node'], [C.TYPE_STRING, 'string'],
  [C.TYPE_BYTES, 'bytes'], [C.TYPE_JSON, 'json'], [C.TYPE_SPILL, 'long key'],
  [C.TYPE_DESCRIPTOR, 'type descriptor'], [C.TYPE_CATALOG_ENTRY, 'catalog entry'],
  [C.TYPE_CATALOG_ROOT, 'root of the catalog'], [C.TYPE_TYPES_ROOT, 'root of the types'],
  [C.TYPE_FREE_PAGE, 'free page'], [C.TYPE_OUTBOUND, 'named region'],
  [C.TYPE_DESCRIPTOR_COPIES, 'second copies of type descriptors'],
  [C.TYPE_MOVED, 'where a record was'],
])

const FIXED_DESCRIPTORS = new Map<number, string>([
  [C.TYPE_STRING, 'string'], [C.TYPE_BYTES, 'bytes'], [C.TYPE_JSON, 'json'],
])

export class TypeTable {
  private readonly descriptors: ReadonlyMap<number, unknown>
  private readonly shapes = new Map<number, Shape | undefined>()

  constructor(readonly stored: readonly StoredType[]) {
    this.descriptors = new Map(stored.map(({ id, descriptor }) => [id, descriptor]))
  }

  /** '' for 0, which is no type. */
  nameOf(id: number): string {
    if (id === 0) return ''
    const descriptor = this.descriptors.get(id)
    return descriptor === undefined ? FIXED_NAMES.get(id) ?? `type ${id}` : typeText(descriptor)
  }

  /** As stored, parsed; undefined where there is none. */
  descriptorOf(id: number): unknown {
    return this.descriptors.get(id) ?? FIXED_DESCRIPTORS.get(id)
  }

  /** Of what cells with this type id hold; undefined where that is not known. */
  shapeOf(id: number): Shape | undefined {
    if (!this.shapes.has(id)) this.shapes.set(id, shapeOf(this.descriptorOf(id)))
    return this.shapes.get(id)
  }
}
