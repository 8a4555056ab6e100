/** `rstore pack`: from a live file to a packed one, which nobody can ever write to. */
import { existsSync, statSync } from 'node:fs'
import type { Argv } from 'yargs'
import {
  evacuateInTurns, Packed, Region, schemaOf, t, typeFromDescriptor, type NameSchema,
  type ReadRegion, type WritableRegion,
} from '../../lib/index.js'
import { withProgress } from '../print/progress.js'
import { ByteFile } from '../read/file.js'
import { readIdentity } from '../read/identity.js'
import { Problems } from '../read/problems.js'
import { withCleanup } from '../shared/cleanups.js'
import type { ArgumentsOf } from '../shared/command.js'
import { UsageError } from '../shared/errors.js'
import { refuseExisting } from '../shared/files.js'
import { FILE } from '../shared/options.js'
import { withRegion } from '../shared/source.js'

export const options = (yargs: Argv) => yargs
  .positional('file', FILE)
  .positional('out', { type: 'string', demandOption: true, describe: 'The new packed file' })
  .option('root', {
    type: 'string', requiresArg: true, describe: 'The single value or map that becomes the root',
  })
  .option('replace', {
    type: 'boolean', default: false, describe: 'Replace a packed OUT, in one step',
  })
  .example('$0 pack cities.region cities.packed', 'All names; its root lists them')
  .example('$0 pack a.region a.packed --root settings', 'As Packed.load(…).root')

type Arguments = ArgumentsOf<typeof options>

const Names = t.struct('Names', { names: t.array(t.string) })
const DEFAULT_ROOT = 'root'

/** What is to be the root, if something is. */
function rootIn(region: ReadRegion, wanted: string | undefined): NameSchema | undefined {
  const name = wanted ?? DEFAULT_ROOT
  const isThere = region.names().some((one) => one.name === name)
  return wanted !== undefined || isThere ? schemaOf(region, name) : undefined
}

function typeOfRoot({ kind, key, value }: NameSchema) {
  const valueType = typeFromDescriptor(value)
  if (kind === 'map') return t.map(typeFromDescriptor(key!), valueType)
  return kind === 'multimap' ? t.multimap(typeFromDescriptor(key!), valueType) : valueType
}

type Copy = (target: WritableRegion) => Promise<void>
type Settings = { replace: boolean; capacity: number; mode: number }

async function packWithRoot(
  out: string, root: NameSchema, settings: Settings, copy: Copy,
): Promise<void> {
  const { name, kind, key } = root
  const value = typeFromDescriptor(root.value)
  const type = typeOfRoot(root)
  const packed = await Region.pack<any, any>(out, { ...settings, root: type }, async (target) => {
    await copy(target)
    if (kind === 'value') return target.value(name, value).get()
    const keyType = typeFromDescriptor(key!)
    return kind === 'map' ? target.map(name, keyType, value) : target.multimap(name, keyType, value)
  })
  packed!.close()
}

async function pack(region: ReadRegion, args: Arguments, copy: Copy): Promise<void> {
  const { out, replace } = args
  const root = rootIn(region, args.root)
  const mode = statSync(region.path!).mode & 0o777
  const settings = { replace, capacity: region.stats().capacity, mode }
  if (root !== undefined) return packWithRoot(out, root, settings, copy)
  const names = region.names().map(({ name }) => name)
  const packed = await Region.pack(out, { ...settings, root: Names }, async (target) => {
    await copy(target)
    return { names }
  })
  packed!.close()
}

/** Whoever has another kind open would go on with a file that has no name any more. */
function refuseUnpacked(path: string): void {
  const file = ByteFile.open(path)
  try {
    if (readIdentity(file, new Problems()).kind === 'packed') return
  } finally {
    file.close()
  }
  throw new UsageError(`${path} is not packed: --replace is for packed regions`)
}

/** What a signal ends is closed at once, which takes the unfinished file away. */
export async function run(args: Arguments): Promise<void> {
  const { file, out, replace } = args
  if (replace && existsSync(out)) refuseUnpacked(out)
  else refuseExisting(out)
  const abort = new AbortController()
  let unfinished: WritableRegion | undefined
  const endNow = (): void => {
    abort.abort()
    unfinished?.close()
  }
  await withProgress({ title: 'packing' }, (progress) => withCleanup(() =>
    withRegion(file, (region) => {
      if (region instanceof Packed) throw new UsageError(`${file} is packed already`)
      return pack(region, args, (target) => {
        unfinished = target
        return evacuateInTurns(region, target, {
          signal: abort.signal, onProgress: progress.onProgress,
        })
      })
    }), endNow))
}
