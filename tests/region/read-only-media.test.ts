/** Media that cannot be written, folders that may not be, and network file systems. */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { inRoot } from '../harness/paths.js'
import { SmallDisk } from '../harness/small-disk.js'
import { Place, thrown, withRegion } from '../harness/with-region.js'

const test = suite('read-only media')

function makeRegions(place: Place): void {
  const region = place.create({ capacity: '1MiB' }, 'crashed.region')
  const map = region.map('numbers', t.u32, t.u32)
  region.transact(() => map.set(1, 1))
  copyFileSync(place.path('crashed.region'), place.path('copy.region'))
  copyFileSync(place.path('crashed.region-wal'), place.path('copy.region-wal'))
  region.close()
}

test(
  'a clean region opens for reading, one with a log does not',
  withRegion((given) => {
    const disk = SmallDisk.mount(4)
    const place = disk === null ? given : new Place(disk.folder)
    makeRegions(place)
    // Where mounting is denied, the same code runs in a child whose opens the seam refuses: below.
    if (disk === null) return
    disk.makeReadOnly()
    const region = place.openReadOnly({}, 'crashed.region')
    assert.is(region.map('numbers', t.u32, t.u32).get(1), 1)
    region.read(() => assert.is(region.map('numbers', t.u32, t.u32).size, 1))
    const snapshot = region.snapshot()
    assert.is(snapshot.map('numbers', t.u32, t.u32).get(1), 1)
    assert.equal(region.readers(), [])
    assert.ok(region.stats().epoch > 0)
    snapshot.close()
    region.close()
    thrown('RSTORE_READ_ONLY', () => Region.open(place.path('crashed.region')))
    const error = thrown('RSTORE_READ_ONLY', () =>
      Region.open(place.path('copy.region'), { readOnly: true }),
    )
    assert.match(error.message, /log/)
    thrown('RSTORE_READ_ONLY', () => Region.create(place.path('new.region')))
    disk.makeWritable()
    const recovered = place.open({}, 'copy.region')
    assert.is(recovered.map('numbers', t.u32, t.u32).get(1), 1)
    place.close()
  }),
)

test(
  'the same through the seam, whether or not mounting is allowed',
  withRegion((place) => {
    makeRegions(place)
    const open = (name: string) =>
      spawnSync(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `
    import { Region, t } from ${JSON.stringify(inRoot('dist/lib/index.js'))}
    try {
      const region = Region.open(${JSON.stringify(place.path(name))}, { readOnly: true })
      console.log(region.map('numbers', t.u32, t.u32).get(1))
      region.close()
    } catch (error) { console.log(error.code) }`,
        ],
        {
          encoding: 'utf8',
          env: {
            ...process.env,
            RSTORE_TEST_ADDON: 'rstore_test.node',
            RSTORE_TEST_IO: 'fail:EROFS@1+',
          },
        },
      ).stdout.trim()
    assert.is(open('crashed.region'), '1')
    assert.is(open('copy.region'), 'RSTORE_READ_ONLY')
  }),
)

test(
  'a file or folder without permission',
  withRegion((place) => {
    makeRegions(place)
    if (process.getuid?.() === 0) return // nobody denies root anything
    chmodSync(place.path('crashed.region'), 0o400)
    thrown('RSTORE_READ_ONLY', () => Region.open(place.path('crashed.region')))
    chmodSync(place.path('crashed.region'), 0o600)
  }),
)

test(
  'a network file system is refused, unless it is allowed',
  withRegion((place) => {
    makeRegions(place)
    const native = addon()
    const original = native.networkFileSystem
    Object.defineProperty(native, 'networkFileSystem', {
      value: () => 'NFS',
      configurable: true,
      writable: true,
    })
    try {
      for (const use of [
        () => Region.open(place.path('copy.region')),
        () => Region.open(place.path('copy.region'), { readOnly: true }),
        () => Region.create(place.path('new.region')),
        () => Region.openOrCreate(place.path('new.region')),
      ]) {
        const error = thrown('RSTORE_NETWORK', use)
        assert.match(error.message, /NFS/)
      }
      const region = place.open({ allowNetwork: true }, 'copy.region')
      assert.is(region.map('numbers', t.u32, t.u32).get(1), 1)
    } finally {
      Object.defineProperty(native, 'networkFileSystem', {
        value: original,
        configurable: true,
        writable: true,
      })
    }
    assert.is(native.networkFileSystem(place.folder), '')
    assert.is(native.networkFileSystem('/proc'), '')
  }),
)

test.run()
