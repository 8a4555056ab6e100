/** Every call that takes options refuses those it has not, and what is no object of options. */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  evacuateInTurns, exportLines, exportText, JsonMap, Packed, Pool, Region, salvage, SharedVector,
  Store, t, type ReadOnlyRegion,
} from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { sameType } from '../harness/types.js'

const test = suite('options')

const Root = t.struct('Root', { n: t.u32 })

/** What is an object of options has the one that `pack` needs, too. */
const withRoot = (options: any): any =>
  Object.hasOwn(Object(options), 'verfy') ? { root: Root, ...options } : options

/** Name of the call, and the call with options that are put in. */
type Calls = Record<string, (options: any) => unknown>

function callsOf(folder: string, region: Region, store: Store, packed: Packed<any>): Calls {
  const path = join(folder, 'new')
  const map = region.map('map', t.string, Root)
  const block = Pool.default.region()
  const vector = SharedVector.create(join(folder, 'vector'), t.u32, { capacity: '1MiB' })
  const builder = block.arrayBuilder(t.u32)
  const root = (): { n: number } => ({ n: 1 })
  return {
    'Region.create': (options) => Region.create(path, options),
    'Region.open': (options) => Region.open(region.path!, options),
    'Region.openOrCreate': (options) => Region.openOrCreate(region.path!, options),
    'Region.pack': (options) => Region.pack(path, withRoot(options), root),
    'transact': (options) => region.transact(() => {}, options),
    'checkpoint': (options) => region.checkpoint(options),
    'backup': (options) => region.backup(path, options),
    'compact': (options) => region.compact(path, options),
    'verify': (options) => region.verify(options),
    'dropMap': (options) => region.transact(() => region.dropMap('none', options)),
    'index': (options) => region.transact(() => map.index('n', 'n', options)),
    'bulkLoad': (options) => map.bulkLoad([], options),
    'buildArray': (options) => block.buildArray(t.u32, options, () => {}),
    'arrayBuilder': (options) => block.arrayBuilder(t.u32, options),
    'arrayBuilder of texts': (options) => block.arrayBuilder(t.string, options),
    'parseNumbers': (options) => builder.parseNumbers(Buffer.from('1\n'), options),
    'block.verify': (options) => block.verify(options),
    'new Pool': (options) => new Pool(options),
    'pool.region': (options) => Pool.default.region(options),
    'Packed.load': (options) => Packed.load(packed.path!, options),
    'Packed.verify': (options) => Packed.verify(packed.path!, options),
    'Packed.thaw': (options) => Packed.thaw(packed.path!, path, options),
    'packed.verify': (options) => packed.verify(options),
    'evacuateInTurns': (options) => evacuateInTurns(packed, region, options),
    'salvage': (options) => salvage(path, {} as never, options),
    'exportLines': (options) => exportLines(region, options),
    'exportText': (options) => exportText(region, options),
    'JsonMap.count': (options) => JsonMap.open(region, 'map').count({}, options),
    'Store.open': (options) => Store.open(join(folder, 'store'), options),
    'store.region': (options) => store.region('other', options),
    'store.blockRegion': (options) => store.blockRegion(options),
    'store.pack': (options) => store.pack('p', withRoot(options), root),
    'store.verify': (options) => store.verify(options),
    'SharedVector.create': (options) => SharedVector.create(path, t.u32, options),
    'SharedVector.open': (options) => SharedVector.open(join(folder, 'vector'), t.u32, options),
    'waitForSize': (options) => vector.waitForSize(0, options),
  }
}

test('no option goes unheard', async () => {
  const folder = temporaryDirectory()
  const region = Region.create(join(folder, 'region'), { capacity: '1MiB' })
  const store = Store.open(join(folder, 'store'), { create: true })
  const packed = Region.pack(join(folder, 'packed'), { root: Root }, () => ({ n: 1 }))!
  for (const [call, use] of Object.entries(callsOf(folder, region, store, packed))) {
    for (const options of [{ verfy: 'full' }, null, 5, [], new Map()]) {
      const what = `${call}, ${JSON.stringify(options)}`
      const error = await Promise.resolve().then(() => use(options)).then(() => undefined,
        (thrown: unknown) => thrown)
      assert.instance(error, TypeError, what)
      const expected = options !== null && Object.hasOwn(Object(options), 'verfy')
        ? /verfy is no option; there are / : /options must be an object, not /
      assert.match((error as Error).message, expected, what)
    }
  }
  for (const thing of [region, store, packed]) thing.close()
})

test('readOnly says which class a region has, also where only the program knows', () => {
  const path = join(temporaryDirectory(), 'region')
  Region.create(path).close()
  for (const readOnly of [false, true]) {
    const region = Region.open(path, { readOnly })
    sameType<typeof region, Region | ReadOnlyRegion>(true)
    assert.is('transact' in region, !readOnly)
    if ('transact' in region) sameType<typeof region, Region>(true)
    region.close()
  }
  const [reader, writer] = [Region.open(path, { readOnly: true }), Region.open(path)]
  sameType<typeof reader, ReadOnlyRegion>(true)
  sameType<typeof writer, Region>(true)
  for (const region of [reader, writer]) region.close()
})

test.run()
