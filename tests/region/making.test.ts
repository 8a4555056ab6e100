/** New files: there is the whole file or none, and nothing else, whatever fails on the way. */
import { existsSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, SharedVector, t } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { thrown, verifyFile, withRegion, type Place } from '../harness/with-region.js'

const test = suite('making files')

type Kind = 'region' | 'vector'

interface Outcome {
  code: string
  changes: number
  files: string[]
}

const child = (place: Place, kind: Kind, plan: string): Child<Outcome> =>
  new Child<Outcome>('dist/tests/region/maker.js', [kind, place.path(kind), plan],
    { RSTORE_TEST_ADDON: 'rstore_test.node' })

const make = async (place: Place, kind: Kind, plan: string): Promise<Outcome> =>
  (await child(place, kind, plan).finish())[0]!

/** What is neither the file nor what handles have beside it. */
const strangers = (files: readonly string[], kind: Kind): string[] =>
  files.filter((name) => ![kind, `${kind}-lock`, `${kind}-wal`].includes(name))

/** Empties the folder. */
async function expectWhole(place: Place, kind: Kind): Promise<void> {
  assert.equal(strangers(readdirSync(place.folder), kind), [])
  if (existsSync(place.path(kind))) {
    if (kind === 'region') await verifyFile(place.path(kind))
    else SharedVector.open(place.path(kind), t.u32).close()
  }
  for (const name of readdirSync(place.folder)) rmSync(place.path(name))
}

for (const kind of ['region', 'vector'] as const) {
  test(
    `a ${kind} of a process that is killed at any operation is whole, or not there`,
    withRegion(async (place) => {
      const { code, changes } = await make(place, kind, 'count')
      assert.is(code, 'made')
      await expectWhole(place, kind)
      for (let at = 1; at <= changes; at++) {
        assert.is((await child(place, kind, `kill@${at}`).ended).signal, 'SIGKILL')
        await expectWhole(place, kind)
      }
    }),
  )

  test(
    `a ${kind} whose making fails at any operation is told, and leaves nothing beside it`,
    withRegion(async (place) => {
      const [first, ...failed] = await child(place, kind, 'each:EIO').finish()
      assert.is(first!.code, 'made')
      assert.is(failed.length, first!.changes)
      assert.is(failed[0]!.code, 'RSTORE_IO')
      for (const { code, files } of failed) {
        assert.equal(strangers(files, kind), [])
        if (code === 'made') assert.ok(files.includes(kind))
        else if (kind === 'region') assert.equal(files, [], code)
      }
      await expectWhole(place, kind)
    }),
  )

  test(
    `a ${kind} on a file system without links is told what that lacks, and leaves nothing`,
    withRegion(async (place) => {
      const [, ...failed] = await child(place, kind, 'each:EPERM').finish()
      const unsupported = failed.filter(({ code }) => code === 'RSTORE_UNSUPPORTED')
      assert.equal(unsupported.map(({ files }) => files), [[]])
      await expectWhole(place, kind)
    }),
  )

  test(
    `a ${kind} where every file has a name: what was left is removed, and nothing is left`,
    withRegion(async (place) => {
      writeFileSync(place.path(`${kind}.new.tmp`), 'of one that was killed')
      assert.is((await make(place, kind, 'fail:EOPNOTSUPP@1')).code, 'made')
      assert.is((await make(place, kind, 'fail:EOPNOTSUPP@1')).code, 'RSTORE_EXISTS')
      await expectWhole(place, kind)
    }),
  )
}

test(
  'a name that is taken is left alone',
  withRegion((place) => {
    const first = place.create()
    first.transact(() => first.map('numbers', t.u32, t.u32).set(1, 1))
    for (const again of [
      () => Region.create(place.path()),
      () => SharedVector.create(place.path(), t.u32),
    ]) assert.throws(again, /there is a file of that name/)
    assert.is(first.map('numbers', t.u32, t.u32).get(1), 1)
  }),
)

test(
  'a name to which that of the lock file is too long leaves nothing',
  withRegion((place) => {
    const error = thrown('RSTORE_IO', () => Region.create(place.path('n'.repeat(252))))
    assert.match(error.message, /the name is longer than the file system takes/)
    assert.equal(readdirSync(place.folder), [])
  }),
)

test(
  'a link to nothing is told, and not taken for a file',
  withRegion((place) => {
    symlinkSync('nowhere', place.path('link'))
    for (const make of [Region.create, Region.openOrCreate]) {
      const error = thrown('RSTORE_EXISTS', () => make(place.path('link')))
      assert.match(error.message, /a symbolic link of that name leads to nothing/)
    }
    assert.equal(readdirSync(place.folder), ['link'])
  }),
)

test.run()
