/**
 * One of three programs that share a graph of records: `write`, `walk` or `change`, and the file.
 */
import { Region, t, type Infer, type Ref } from '../../lib/index.js'

const COUNT = 100_000

const Node = t.struct('Node', {
  number: t.u32, label: t.string, next: t.optional(t.self), back: t.optional(t.self),
})
type NodeView = Infer<typeof Node>
const Entry = t.ref(() => Node)

/** A ring of records; each names the next one, and one far away. */
function write(path: string): string {
  const region = Region.create(path, { capacity: '256MiB', durability: 'none' })
  const first = region.value('first', Entry)
  region.transact(() => {
    const refs: Ref<NodeView>[] = []
    for (let number = 0; number < COUNT; number++) {
      refs.push(region.alloc(Node, { number, label: `node ${number}` }))
    }
    refs.forEach((ref, i) => {
      const node = region.deref(ref)
      node.next = region.deref(refs[(i + 1) % COUNT]!)
      node.back = region.deref(refs[(i * 7919) % COUNT]!)
    })
    first.set(refs[0]!)
  })
  region.close()
  return `${COUNT} written`
}

function walk(path: string): string {
  using region = Region.open(path, { readOnly: true })
  return region.read(() => {
    let node = region.value('first', Entry).get() as NodeView
    let sum = 0
    let steps = 0
    do {
      sum += node.number + (node.back?.number ?? 0) + node.label.length
      node = node.next as NodeView
      steps++
    } while (node.number !== 0)
    return `${steps} walked, sum ${sum}`
  })
}

/** Every other record is taken out of the ring and freed; what named it names its neighbour. */
function change(path: string): string {
  const region = Region.open(path, { durability: 'none' })
  region.transact(() => {
    let node = region.value('first', Entry).get()!
    do {
      const gone = node.next as NodeView
      const after = gone.next as NodeView
      const ref = region.refOf(gone)
      node.next = after
      node.label = `changed ${node.number}`
      node.back = undefined
      region.free(ref)
      node = after
    } while (node.number !== 0)
  })
  region.close()
  return 'changed'
}

async function verify(path: string): Promise<string> {
  using region = Region.open(path, { readOnly: true })
  const { ok, problems, bytes } = await region.verify()
  return JSON.stringify({
    ok,
    problems: problems.length,
    leaked: bytes.leaked,
    unknown: bytes.unknown,
  })
}

const [action, path] = process.argv.slice(2) as [string, string]
const actions: Record<string, (path: string) => string | Promise<string>> =
  { write, walk, change, verify }
console.log(await actions[action]!(path))
