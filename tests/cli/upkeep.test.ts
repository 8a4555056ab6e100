/** compact, verify, checkpoint, backup, stat: what they do, print and exit with. */
import { spawnSync } from 'node:child_process'
import { existsSync, openSync, closeSync, writeSync, readdirSync, statSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, Store, t } from '../../lib/index.js'
import { withRegion, type Place } from '../harness/with-region.js'
import { PROGRAM, rstore as run, type Outcome } from './run.js'

const test = suite('upkeep')

const rstore = (...args: string[]): Outcome => run(args)

const jsonOf = (...args: string[]): any => {
  const { status, stdout, stderr } = rstore(...args, '--json')
  assert.is(status, 0, stderr)
  return JSON.parse(stdout)
}

function filled(place: Place): Region {
  const region = place.create({ capacity: '8MiB' })
  const map = region.map('towns', t.string, t.string)
  region.transact(() => { for (let i = 0; i < 3_000; i++) map.set(`town ${i}`, `its name ${i}`) })
  region.transact(() => { for (let i = 0; i < 2_700; i++) map.delete(`town ${i}`) })
  return region
}

test('compact: a smaller file, or another one', withRegion((place) => {
  const region = filled(place)
  const { before, after } = jsonOf('compact', place.path(), '-o', place.path('out'))
  assert.ok(after < before)
  assert.is(after, statSync(place.path('out')).size)
  assert.is(rstore('compact', place.path(), '-o', place.path('out')).status, 2, 'it is there')
  const { stdout, status } = rstore('compact', place.path())
  assert.is(status, 0)
  assert.match(stdout, /before, .* after/)
  assert.is(region.map('towns', t.string, t.string).size, 300)
  assert.equal(readdirSync(place.folder).filter((name) => name.endsWith('tmp')), [])
}))

test('regions of a store, as DIR/NAME, and packed ones', withRegion((place) => {
  const folder = place.path('shop')
  const store = Store.open(folder, { create: true })
  const region = store.region('library')
  region.transact(() => region.map('m', t.u32, t.u32).set(1, 2))
  store.pack('frozen', { root: t.map(t.u32, t.u32) }, (_region, root) => root)!.close()
  store.close()
  for (const name of ['library', 'frozen']) {
    const path = `${folder}/${name}`
    for (const command of ['inspect', 'verify', 'stat', 'names', 'dump', 'upgrade']) {
      const { status, stderr } = rstore(command, path)
      assert.is(status, 0, `${command}: ${stderr}`)
    }
    assert.is(jsonOf('stat', path).readers, 0)
  }
  assert.is(rstore('backup', `${folder}/library`, place.path('copy')).status, 0)
  assert.is(rstore('checkpoint', `${folder}/library`).status, 0)
  assert.is(rstore('compact', `${folder}/library`).status, 0)
  assert.is(rstore('thaw', `${folder}/frozen`, place.path('live')).status, 0)
  const { status, stderr } = rstore('stat', `${folder}/frozen`, '--watch')
  assert.is(status, 2)
  assert.match(stderr, /nothing will happen/)
  assert.match(rstore('verify', `${folder}/none`).stderr, /the store has no region "none"/)
  place.create({ capacity: '8MiB' }).close()
}))

test('compact: busy while somebody writes', withRegion((place) => {
  const region = filled(place)
  region.transact(() => {
    const { status, stderr } = rstore('compact', place.path())
    assert.is(status, 4, stderr)
    assert.match(stderr, /holds the write lock/)
  })
}))

test('compact --in-place: less on the disk, and everything where it was', withRegion((place) => {
  const region = filled(place)
  const blobs = region.map('blobs', t.u32, t.bytes)
  region.transact(() => { for (let i = 0; i < 50; i++) blobs.set(i, new Uint8Array(50_000)) })
  region.transact(() => { for (let i = 0; i < 50; i++) blobs.set(i, new Uint8Array(1_000)) })
  region.transact(() => {
    const { status, stderr } = rstore('compact', place.path(), '--in-place')
    assert.is(status, 4, stderr)
    assert.match(stderr, /holds the write lock/)
  })
  const onDisk = (): number => statSync(place.path()).blocks * 512
  const length = statSync(place.path()).size
  const { file, before, after, milliseconds } = jsonOf('compact', place.path(), '--in-place')
  assert.is(file, place.path())
  assert.ok(milliseconds >= 0)
  assert.is(after, onDisk())
  assert.ok(before > after + 40 * 50_000, `${before} → ${after}`)
  assert.is(statSync(place.path()).size, length)
  assert.is(blobs.get(49)!.length, 1_000)
  assert.is(region.map('towns', t.string, t.string).size, 300)
  const { stdout, status } = rstore('compact', place.path(), '--in-place')
  assert.is(status, 0)
  assert.match(stdout, /on the disk before, .* after \(100 %\)/)
  assert.match(stdout, /MiB long before, .*MiB after\n$/)
  region.close()
  const alone = jsonOf('compact', place.path(), '--in-place')
  assert.is(alone.lengthBefore, length)
  assert.is(alone.lengthAfter, statSync(place.path()).size)
  assert.ok(alone.lengthAfter < length - 1_000_000, `${length} → ${alone.lengthAfter}`)
}))

test('compact --in-place with another file makes no sense', withRegion((place) => {
  filled(place)
  const { status, stderr } = rstore('compact', place.path(), '--in-place', '-o', place.path('out'))
  assert.is(status, 2, stderr)
  assert.match(stderr, /--in-place/)
  assert.not(existsSync(place.path('out')))
  assert.match(rstore('compact', '--help').stdout, /--in-place/)
}))

test('verify: sound or damaged, live, packed and in a store', withRegion((place) => {
  filled(place).close()
  assert.ok(jsonOf('verify', place.path()).ok)
  Region.pack(place.path('packed'), { root: t.map(t.u32, t.string) }, (_region, root) => {
    root.set(1, 'one')
    return root
  })!.close()
  assert.ok(jsonOf('verify', place.path('packed')).ok)
  const store = Store.open(place.path('store'), { create: true })
  store.region('towns').close()
  store.close()
  assert.ok(jsonOf('verify', place.path('store')).ok)
  const file = openSync(place.path(), 'r+')
  writeSync(file, Buffer.from('damage'), 0, 6, 50_000)
  closeSync(file)
  place.expectDamage()
  const { status, stdout } = rstore('verify', place.path())
  assert.is(status, 1)
  assert.match(stdout, /12 +page checksums/)
  assert.is(rstore('verify', place.path('nothing')).status, 3)
}))

test('checkpoint, backup and stat', withRegion((place) => {
  const region = filled(place)
  const { epoch, checkpointEpoch } = jsonOf('checkpoint', place.path())
  assert.is(checkpointEpoch, epoch)
  assert.ok(jsonOf('backup', place.path(), place.path('copy')).bytes > 0)
  assert.ok(existsSync(place.path('copy')))
  assert.is(rstore('backup', place.path(), place.path('copy')).status, 2)
  assert.is(jsonOf('stat', place.path()).epoch, epoch)
  const { stdout } = rstore('stat', place.path(), '--watch', '--interval', '0.05', '--count', '3')
  assert.is(stdout.trim().split('\n').length, 4)
  assert.is(rstore('stat', place.path(), '--watch', '--interval', '0').status, 2)
  region.close()
}))

test('pack lets in nobody whom the region keeps out', withRegion((place) => {
  place.create({ capacity: '1MiB', mode: 0o600 }).close()
  assert.is(rstore('pack', place.path(), place.path('packed')).status, 0)
  assert.is(statSync(place.path('packed')).mode & 0o777, 0o400)
}))

test('what cannot be told on standard error ends in the same exit code', withRegion((place) => {
  place.create({ capacity: '1MiB' }).close()
  const full = openSync('/dev/full', 'w')
  const { status } = spawnSync(process.execPath, [PROGRAM, 'get', place.path(), 'none'],
    { stdio: ['ignore', 'ignore', full] })
  closeSync(full)
  assert.is(status, 2)
}))

test('inspect --map: a single value is called one', withRegion((place) => {
  const region = place.create({ capacity: '1MiB' })
  region.transact(() => region.value('v', t.u32).set(1))
  region.close()
  const { status, stderr } = rstore('inspect', place.path(), '--map', 'v')
  assert.is(status, 2)
  assert.match(stderr, /"v" is a single value/)
}))

test.run()
