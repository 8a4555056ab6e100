/** What console.log shows of views and maps: what they hold, and never what they are made of. */
import { inspect, type InspectOptions } from 'node:util'
import { RStoreError } from '../errors.js'

/** Of every iterator: to show what comes would be to take it. */
export const shownIterator = (): string => 'Iterator {}'

/** Elements that are shown where nothing else is asked for, as of an array. */
const MOST_ELEMENTS = 100

/**
 * @param depth how many levels more are to be shown
 * @param body what comes behind the name; when it throws, why is shown instead
 */
export function shown(
  name: string, depth: number, options: InspectOptions, body: (inner: InspectOptions) => string,
): string {
  if (depth < 0) return `[${name}]`
  try {
    return `${name}${body({ ...options, depth })}`
  } catch (error) {
    const code = error instanceof RStoreError ? error.code : (error as Error).name
    return `${name} <${code === 'RSTORE_STALE_VIEW' ? 'stale' : code}>`
  }
}

/**
 * The first elements of a list, and how many more there are.
 *
 * @param held makes of them what is shown in the usual way: an array or a Map
 */
export function shownList<E>(
  name: string, depth: number, options: InspectOptions,
  list: { readonly size: number; elements(): Iterable<E> }, held: (first: E[]) => object,
): string {
  return shown(name, depth, options, (inner) => {
    const { size } = list
    const most = Math.min(size, options.maxArrayLength ?? MOST_ELEMENTS)
    const first: E[] = []
    if (most > 0) {
      for (const element of list.elements()) if (first.push(element) >= most) break
    }
    const body = inspect(held(first), inner).replace(/^Map\(\d+\) /, '')
    return `(${size}) ${size > first.length ? withRest(body, size - first.length) : body}`
  })
}

/** A list as `inspect` writes it, with something behind its last element. */
function withRest(body: string, rest: number): string {
  const text = `... ${rest} more item${rest === 1 ? '' : 's'}`
  const end = body.at(-1)!
  if (body.length === 2) return `${body[0]!} ${text} ${end}`
  const inside = body.slice(0, -2)
  return body.at(-2) === '\n' ? `${inside},\n  ${text}\n${end}` : `${inside}, ${text} ${end}`
}
