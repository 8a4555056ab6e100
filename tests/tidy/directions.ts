/** Which part of the project may import which. */

/**
 * Inside lib: each part may import those before it. A part is a folder or a file at the top of lib.
 */
const LIB_ORDER = [
  'errors', 'native', 'space', 'tree', 'types', 'builder', 'map', 'region', 'exchange', 'pool',
  'store', 'vector', 'index',
]

const folderOf = (path: string): string => path.split('/')[0]!
const libPartOf = (path: string): string => path.split('/')[1]!.replace(/\.ts$/, '')

function isAllowedInLib(from: string, to: string): boolean {
  const [own, other] = [LIB_ORDER.indexOf(libPartOf(from)), LIB_ORDER.indexOf(libPartOf(to))]
  return own >= 0 && other >= 0 && other <= own
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
