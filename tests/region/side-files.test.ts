/** Log and lock file: whose they are, who may use them, and what is never taken for one. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync, chownSync, closeSync, existsSync, linkSync, mkdirSync, openSync, readFileSync,
  renameSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, SharedVector, t } from '../../lib/index.js'
import { asUser, mayBeOthers } from '../harness/as-user.js'
import { inPlace, thrown, type Place } from '../harness/with-region.js'

const test = suite('log and lock file')

const ENDS = ['-lock', '-wal'] as const

const set = (region: Region, value: number): void =>
  region.transact(() => region.value('v', t.u32).set(value))

const modeOf = (path: string): number => statSync(path).mode & 0o777

/** A closed region that holds a number; `name` may be one that is refused. */
function made(place: Place, name: string): string {
  const region = place.create({ capacity: '1MiB' }, 'made')
  set(region, 7)
  region.close()
  renameSync(place.path('made'), place.path(name))
  return place.path(name)
}

const held = (path: string): number | undefined => {
  const region = Region.open(path)
  try {
    return region.value('v', t.u32).get()
  } finally {
    region.close()
  }
}

test('nothing is made under their names', inPlace(async (place) => {
  const region = place.create()
  Region.pack(place.path('packed'), { root: t.u32 }, () => 1)!.close()
  for (const end of ENDS) {
    for (const path of [place.path(`x${end}`), `${place.path(`x${end}`)}/`]) {
      for (const make of [
        () => Region.create(path), () => Region.openOrCreate(path),
        () => region.backup(path), () => region.compact(path),
        () => Region.pack(path, { root: t.u32 }, () => 1),
        () => Packed.thaw(place.path('packed'), path), () => SharedVector.create(path, t.u32),
      ]) {
        try {
          await make()
          assert.unreachable(`${path} was made by ${make.toString()}`)
        } catch (error) {
          assert.instance(error, TypeError)
          assert.match((error as Error).message, /names that end in -wal or -lock/)
        }
      }
    }
    assert.not(existsSync(place.path(`x${end}`)))
  }
}))

test('a region that has such a name can be opened, and is never emptied', inPlace((place) => {
  for (const end of ENDS) {
    const strange = made(place, `x${end}`)
    assert.is(held(strange), 7)
    const before = readFileSync(strange)
    const error = thrown('RSTORE_EXISTS', () => {
      const region = Region.openOrCreate(place.path('x'))
      try {
        set(region, 1)
      } finally {
        region.close()
      }
    })
    assert.match(error.message, /Nothing was changed\. Give that file another name/)
    assert.equal(readFileSync(strange), before)
    renameSync(strange, place.path(`saved${end}`))
    if (existsSync(place.path('x'))) rmSync(place.path('x'))
  }
}))

test('nor is the region itself, or another one, by a link', inPlace((place) => {
  const other = made(place, 'other')
  for (const end of ENDS) {
    const path = made(place, `x${end}.region`)
    const before = readFileSync(path)
    for (const link of [
      () => linkSync(path, path + end), () => symlinkSync(path, path + end),
      () => linkSync(other, path + end), () => symlinkSync('nowhere', path + end),
      () => symlinkSync(path + end, path + end), () => symlinkSync('/dev/null', path + end),
      () => mkdirSync(path + end), () => execFileSync('mkfifo', [path + end]),
    ]) {
      link()
      const region = { close: () => {} } as Region
      thrown('RSTORE_EXISTS', () => {
        Object.assign(region, { opened: Region.open(path) })
        set((region as any).opened, 1)
      })
      ;(region as any).opened?.close()
      assert.equal(readFileSync(path), before, link.toString())
      rmSync(path + end, { recursive: true })
    }
    assert.is(held(path), 7)
  }
  assert.is(held(other), 7)
  assert.not(existsSync(place.path('nowhere')))
}))

test('whatever the umask, they let in whoever the region lets in', inPlace((place) => {
  for (const mode of [0o600, 0o640, 0o644, 0o666]) {
    const path = made(place, `of-${mode}`)
    chmodSync(path, mode)
    const umask = process.umask(0o077)
    const region = Region.open(path)
    set(region, 1)
    process.umask(umask)
    assert.is(modeOf(`${path}-wal`), mode)
    assert.is(modeOf(`${path}-lock`), mode)
    region.close()
  }
}))

test('a region that may not be written is read, and written when it may be again', inPlace(
  (place) => {
    const path = made(place, 'kept')
    chmodSync(path, 0o444)
    const read = Region.open(path, { readOnly: true })
    assert.is(read.value('v', t.u32).get(), 7)
    assert.is(modeOf(`${path}-lock`), 0o644)
    read.close()
    chmodSync(path, 0o644)
    assert.is(held(path), 7)
  }))

test('a log that lets in more than the region is made anew', inPlace((place) => {
  const path = made(place, 'private')
  writeFileSync(`${path}-wal`, 'left over')
  chmodSync(`${path}-wal`, 0o666)
  chmodSync(path, 0o600)
  const stranger = openSync(`${path}-wal`, 'r')
  const region = Region.open(path)
  set(region, 8)
  assert.is(modeOf(`${path}-wal`), 0o600)
  assert.is(readFileSync(stranger, 'utf8'), 'left over')
  closeSync(stranger)
  region.close()
  assert.is(held(path), 8)
}))

const SERVICE = 54_001
const GUEST = 54_002

/** For root only: a region of the service, in a folder where everyone may make files. */
function ofService(body: (place: Place, path: string) => void): () => void | Promise<void> {
  return inPlace((place) => {
    if (!mayBeOthers()) {
      console.log('log and lock file: skipped, only root may be somebody else')
      return
    }
    const path = made(place, 'service.region')
    chownSync(path, SERVICE, SERVICE)
    chmodSync(place.folder, 0o777)
    body(place, path)
  })
}

test('root leaves them to the owner of the region', ofService((_place, path) => {
  chmodSync(path, 0o640)
  const region = Region.open(path)
  set(region, 8)
  for (const end of ENDS) {
    const { uid, gid } = statSync(path + end)
    assert.equal([uid, gid], [SERVICE, SERVICE], end)
  }
  asUser(SERVICE, () => {
    const own = Region.open(path)
    set(own, 9)
    own.close()
  })
  region.close()
}))

test('who may only read goes on when somebody else begins the log', ofService((_place, path) => {
  chmodSync(path, 0o644)
  const reader = asUser(GUEST, () => {
    thrown('RSTORE_READ_ONLY', () => Region.open(path))
    return Region.open(path, { readOnly: true })
  })
  const own = asUser(SERVICE, () => Region.open(path))
  for (const value of [8, 9]) {
    asUser(SERVICE, () => set(own, value))
    assert.is(modeOf(`${path}-wal`), 0o644)
    const read = (): unknown => reader.read(() => reader.value('v', t.u32).get())
    assert.is(asUser(GUEST, read), value)
  }
  asUser(SERVICE, () => own.close())
  asUser(GUEST, () => reader.close())
  assert.is(asUser(SERVICE, () => held(path)), 9)
}))

test('a log of somebody else that cannot be removed is used', ofService((place, path) => {
  chmodSync(path, 0o666)
  chmodSync(place.folder, 0o1777)
  for (const mode of [0o666, 0o777]) {
    writeFileSync(`${path}-wal`, 'left over')
    chmodSync(`${path}-wal`, mode)
    chownSync(`${path}-wal`, GUEST, GUEST)
    asUser(SERVICE, () => {
      const own = Region.open(path)
      if (mode === 0o666) set(own, 8)
      else thrown('RSTORE_READ_ONLY', () => set(own, 9))
      own.close()
    })
    rmSync(`${path}-wal`, { force: true })
    assert.is(held(path), 8)
  }
}))

test('a reader of the group does not shut the owner out', ofService((place, path) => {
  chmodSync(path, 0o640)
  chownSync(place.folder, SERVICE, SERVICE)
  chmodSync(place.folder, 0o770)
  const reader = asUser(GUEST, () => Region.open(path, { readOnly: true }), SERVICE)
  const own = asUser(SERVICE, () => Region.open(path))
  asUser(SERVICE, () => {
    set(own, 8)
    own.close()
  })
  asUser(GUEST, () => reader.close(), SERVICE)
  assert.is(asUser(SERVICE, () => held(path)), 8)
}))

test('a group that its maker is not in may do no more than everybody', ofService((_place, path) => {
  chmodSync(path, 0o664)
  asUser(GUEST, () => {
    const reader = Region.open(path, { readOnly: true })
    assert.is(modeOf(`${path}-lock`), 0o666)
    reader.close()
  })
  chmodSync(path, 0o662)
  rmSync(`${path}-lock`, { force: true })
  chownSync(path, GUEST, SERVICE)
  asUser(GUEST, () => {
    const own = Region.open(path)
    set(own, 1)
    assert.is(modeOf(`${path}-wal`), 0o622)
    own.close()
  })
}))

test('whoever is denied is told what', ofService((place, path) => {
  const told = (open: () => unknown, words: RegExp): void =>
    assert.match(asUser(GUEST, () => thrown('RSTORE_READ_ONLY', open)).message, words)
  const read = (): unknown => Region.open(path, { readOnly: true })
  const unreadable = /the file may not be read \(EACCES\)\. Change its permissions/
  chmodSync(path, 0o600)
  for (const open of [read, () => Region.open(path), () => Packed.load(path)]) {
    told(open, unreadable)
  }
  chmodSync(path, 0o644)
  told(() => Region.open(path), /may not be written \(EACCES\)\. Open with \{ readOnly: true \}/)
  chmodSync(place.folder, 0o755)
  told(read, /its lock file \(-lock\).*may not be written, or not be made in this folder/)
}))

test('what is in their place and no region is what a crash left', inPlace((place) => {
  const path = made(place, 'left')
  writeFileSync(`${path}-lock`, 'half')
  assert.is(held(path), 7)
}))

test.run()
