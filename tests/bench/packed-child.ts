/** One of the processes: packed-child.js <kind> <path> <records>. Opens, looks up, waits. */
import { readFileSync } from 'node:fs'
import { heard, say } from '../harness/child.js'

const [kind, path, records] = process.argv.slice(2) as [string, string, string]
const count = Number(records)

interface Opened {
  lookUp(key: number): string
  touch(): void
}

/** What is imported is imported before the clock starts. */
async function opener(): Promise<() => Opened> {
  if (kind === 'packed') {
    const { Packed } = await import('../../lib/index.js')
    const { Snapshot } = await import('./packed-snapshots.js')
    return () => {
      const packed = Packed.load(path, { root: Snapshot })
      return {
        lookUp: (key) => packed.root.pages.get(key)!.title,
        touch: () => {
          for (const page of packed.root.pages.values()) void page.text.length
        },
      }
    }
  }
  if (kind === 'json') {
    return () => {
      const pages = JSON.parse(readFileSync(path, 'utf8')) as Record<string, { title: string }>
      return { lookUp: (key) => pages[key]!.title, touch: () => {} }
    }
  }
  const { openLmdb, pagesOf } = await import('./packed-snapshots.js')
  const { requirePeer } = await import('./peers.js')
  requirePeer('lmdb')
  return () => {
    const pages = pagesOf(openLmdb(path, { readOnly: true, mapSize: 8 * 2 ** 30 }))
    return {
      lookUp: (key) => pages.get(key).title,
      touch: () => {
        for (const { value } of pages.getRange()) void value.text.length
      },
    }
  }
}

const kib = (text: string, name: string): number =>
  1024 * Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)

/** Resident bytes of the mappings of the file. */
function residentOfFile(): number {
  if (kind === 'bare' || kind === 'json') return 0
  const [, ...parts] = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  return parts
    .filter((part) => part.split('\n', 1)[0]!.endsWith(path))
    .reduce((sum, part) => sum + kib(part, 'Rss'), 0)
}

let opened: Opened | undefined
if (kind === 'bare') {
  say({ openMs: 0, lookupMs: 0 })
} else {
  const open = await opener()
  const start = performance.now()
  opened = open()
  const loaded = performance.now()
  const title = opened.lookUp(count >> 1)
  const found = performance.now()
  if (title !== `page ${count >> 1}`) throw new Error(`found ${title}`)
  say({ openMs: loaded - start, lookupMs: found - loaded })
}
for await (const word of heard()) {
  if (word === 'end') break
  if (word === 'touch') {
    opened?.touch()
    say({})
  } else {
    globalThis.gc?.()
    say({
      pss: kib(readFileSync('/proc/self/smaps_rollup', 'utf8'), 'Pss'),
      file: residentOfFile(),
    })
  }
}
process.exit()
