/** Which part of the project may import which. */

/**
 * Inside lib: each part may import those before it. A part is a folder or a file at the top of lib.
 */
const LIB_ORDER = [
  'errors', 'native', 'space', 'tree', 'types', 'builder', 'map', 'region', 'exchange', 'pool',
  'store', 'vector', 'index',
]

/** The same inside lib/region. */
const REGION_ORDER = ['base', 'live', 'packed', 'compaction', 'salvage', 'region']

const folderOf = (path: string): string => path.split('/')[0]!
/** The folder or file at a depth of a path. */
const partOf = (path: string, depth: number): string =>
  path.split('/')[depth]!.replace(/\.ts$/, '')

function isInOrder(order: readonly string[], from: string, to: string): boolean {
  const [own, other] = [order.indexOf(from), order.indexOf(to)]
  return own >= 0 && other >= 0 && other <= own
}

function isAllowedInLib(from: string, to: string): boolean {
  const [own, other] = [partOf(from, 1), partOf(to, 1)]
  const inRegion = own === 'region' && other === 'region'
  return isInOrder(LIB_ORDER, own, other)
    && (!inRegion || isInOrder(REGION_ORDER, partOf(from, 2), partOf(to, 2)))
}

/** Whether the file `from` may import the file `to`; paths from the top of the checkout. */
export function isAllowedImport(from: string, to: string): boolean {
  const target = folderOf(to)
  switch (folderOf(from)) {
    case 'formats': return target === 'formats'
    case 'lib': return target === 'formats' || (target === 'lib' && isAllowedInLib(from, to))
    case 'cli': return target === 'cli' || target === 'formats' || to === 'lib/index.ts'
    case 'examples': return target === 'examples'
    case 'tests': return true
    default: return false
  }
}

/** The first cycle that the imports form, as a path from a file back to itself; none: undefined. */
export function findCycle(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const finished = new Set<string>()
  const open: string[] = []
  const visit = (path: string): string[] | undefined => {
    if (finished.has(path)) return undefined
    if (open.includes(path)) return [...open.slice(open.indexOf(path)), path]
    open.push(path)
    for (const next of imports.get(path) ?? []) {
      const cycle = visit(next)
      if (cycle !== undefined) return cycle
    }
    open.pop()
    finished.add(path)
    return undefined
  }
  for (const path of imports.keys()) {
    const cycle = visit(path)
    if (cycle !== undefined) return cycle
  }
  return undefined
}
