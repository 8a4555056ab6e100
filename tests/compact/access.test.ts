/**
 * A compacted file takes the place of one that others have open: who could open that one can open
 * the new one; and nobody who cannot goes on committing to what has no name any more.
 */
import {
  chmodSync, chownSync, closeSync, openSync, readSync, readdirSync, statSync, writeSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Identity } from '../../formats/index.js'
import { t, type Region } from '../../lib/index.js'
import { mayBeOthers, whileUser } from '../harness/as-user.js'
import { nextTurn, rejected, thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('access to a compacted file')

const ALICE = 1_001
const BOB = 1_002
const TEAM = 2_000

const numbers = (region: Region) => region.map('numbers', t.u32, t.u32)

/** Only who may be others, and give files away, can make some that belong to several users. */
const testOfUsers = (name: string, body: (place: Place) => Promise<void>): void => {
  if (mayBeOthers()) test(name, withRegion(body))
  else process.stdout.write(`"${name}" needs root: left out\n`)
}

/** Alice's file, of the team, in a folder where all may write. */
function ofAlice(place: Place, mode: number, folderMode: number): string {
  const region = place.create()
  region.transact(() => numbers(region).set(1, 1))
  region.close()
  chownSync(region.path!, ALICE, TEAM)
  chmodSync(region.path!, mode)
  chownSync(place.folder, ALICE, TEAM)
  chmodSync(place.folder, folderMode)
  return region.path!
}

const compactAs = (uid: number, gid: number, place: Place): Promise<void> =>
  whileUser(uid, async () => {
    const region = place.open()
    await region.compact()
    region.close()
  }, gid)

testOfUsers('the group stays where the folder gives it', async (place) => {
  const path = ofAlice(place, 0o666, 0o2777)
  await compactAs(BOB, BOB, place)
  const { uid, gid, mode } = statSync(path)
  assert.equal([uid, gid, mode & 0o777], [BOB, TEAM, 0o666])
})

testOfUsers('another group may what others may', async (place) => {
  const path = ofAlice(place, 0o666, 0o777)
  await compactAs(BOB, BOB, place)
  const { uid, gid, mode } = statSync(path)
  assert.equal([uid, gid, mode & 0o777], [BOB, BOB, 0o666])
})

testOfUsers('refused where the group would lose it; nothing is changed', async (place) => {
  const path = ofAlice(place, 0o660, 0o777)
  const before = statSync(path)
  await whileUser(ALICE, async () => {
    const region = place.open()
    const error = await rejected('RSTORE_READ_ONLY', region.compact())
    assert.match(error.message, /owner or group/)
    region.transact(() => numbers(region).set(2, 2))
    region.close()
  })
  assert.equal(readdirSync(place.folder), ['test.region'])
  const { ino, uid, gid, mode } = statSync(path)
  assert.equal([ino, uid, gid, mode], [before.ino, before.uid, before.gid, before.mode])
})

testOfUsers('members of the team compact in turn', async (place) => {
  const path = ofAlice(place, 0o660, 0o2770)
  for (const uid of [BOB, ALICE]) {
    await compactAs(uid, TEAM, place)
    const now = statSync(path)
    assert.equal([now.uid, now.gid, now.mode & 0o777], [uid, TEAM, 0o660])
  }
})

/** Makes the file one that this version does not read, and back. */
function changeVersion(path: string, by: number): void {
  const fd = openSync(path, 'r+')
  const version = Buffer.alloc(4)
  const { offset } = Identity.fields.formatVersion
  readSync(fd, version, 0, 4, offset)
  version.writeUInt32LE(version.readUInt32LE(0) + by, 0)
  writeSync(fd, version, 0, 4, offset)
  closeSync(fd)
}

test('a writer that cannot open the new file does not go on with the old one', withRegion(
  async (place) => {
    const region = place.create({ durability: 'sync' })
    region.transact(() => numbers(region).set(1, 1))
    await nextTurn()
    const other = place.open()
    await other.compact()
    changeVersion(place.path(), 1)
    for (let i = 0; i < 2; i++) {
      const error = thrown('RSTORE_REPLACED', () =>
        region.transact(() => numbers(region).set(2, 2)))
      assert.match(error.message, /cannot be opened/)
    }
    thrown('RSTORE_REPLACED', () => numbers(region).get(1))
    changeVersion(place.path(), -1)
    region.transact(() => numbers(region).set(3, 3))
    for (const handle of [region, other]) handle.close()
    assert.equal([...numbers(place.open()).keys()], [1, 3])
  },
))

test.run()
