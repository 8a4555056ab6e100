/** `rstore pack`: from a live file to a packed one, which nobody can ever write to. */
import type { Argv } from 'yargs'
import { Region, schemaOf, t, typeFromDescriptor, type NameSchema } from '../../lib/index.js'
import { withCleanup } from '../shared/cleanups.js'
import type { ArgumentsOf } from '../shared/command.js'
import { refuseExisting, removeRegion } from '../shared/files.js'
import { waiting, waitOption } from '../shared/options.js'
import { withWritable } from '../shared/source.js'

export const options = (yargs: Argv) => waitOption(yargs)
  .positional('file', { type: 'string', demandOption: true, describe: 'A live region file' })
  .positional('out', { type: 'string', demandOption: true, describe: 'The new packed file' })
  .option('root', {
    type: 'string', requiresArg: true, describe: 'The single value or map that becomes the root',
  })
  .option('replace', { type: 'boolean', default: false, describe: 'Replace OUT, in one step' })
  .example('$0 pack cities.region cities.packed', 'All names; its root lists them')
  .example('$0 pack cities.region cities.packed --root settings', 'As Packed.load(…).root')

const Names = t.struct('Names', { names: t.array(t.string) })
const DEFAULT_ROOT = 'root'

/** What is to be the root, if something is. */
function rootIn(region: Region, wanted: string | undefined): NameSchema | undefined {
  const name = wanted ?? DEFAULT_ROOT
  const isThere = region.names().some((one) => one.name === name)
  return wanted !== undefined || isThere ? schemaOf(region, name) : undefined
}

function typeOfRoot({ kind, key, value }: NameSchema) {
  const valueType = typeFromDescriptor(value)
  if (kind === 'map') return t.map(typeFromDescriptor(key!), valueType)
  return kind === 'multimap' ? t.multimap(typeFromDescriptor(key!), valueType) : valueType
}

type Settings = { replace: boolean; capacity: number }

function packWithRoot(region: Region, out: string, root: NameSchema, settings: Settings): void {
  const { name, kind } = root
  const value = typeFromDescriptor(root.value)
  Region.pack<any, any>(out, { ...settings, root: typeOfRoot(root) }, (target) => {
    region.evacuate(target)
    if (kind === 'value') return target.value(name, value).get()
    const key = typeFromDescriptor(root.key!)
    return kind === 'map' ? target.map(name, key, value) : target.multimap(name, key, value)
  })!.close()
}

/** The copy is made in one go: a signal is noticed when it is whole, and before anyone is told. */
export async function run(args: ArgumentsOf<typeof options>): Promise<void> {
  const { out, replace } = args
  if (!replace) refuseExisting(out)
  await withCleanup(async () => {
    pack(args)
    await new Promise(setImmediate)
  }, () => { if (!replace) removeRegion(out) })
}

function pack(args: ArgumentsOf<typeof options>): void {
  const { file, out, replace } = args
  withWritable(file, waiting(args), (region) => region.read(() => {
    const root = rootIn(region, args.root)
    const settings = { replace, capacity: region.stats().capacity }
    if (root !== undefined) return packWithRoot(region, out, root, settings)
    const names = region.names().map(({ name }) => name)
    Region.pack(out, { ...settings, root: Names }, (target) => {
      region.evacuate(target)
      return { names }
    })!.close()
  }))
}
