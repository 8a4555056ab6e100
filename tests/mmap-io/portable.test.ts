/** Packed regions without the addon: the whole reading API over both back-ends. */
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, type RStoreError } from '../../lib/index.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { thrown } from '../harness/with-region.js'
import { installMmapIo, MMAP_IO_FOLDER, whyNotHere } from './install.js'
import { Library, packLibrary, readingOf, type LibraryView } from './library.js'

const test = suite('packed regions over both back-ends')

const folder = temporaryDirectory()
const path = join(folder, 'library')
packLibrary(path)
const expected = (() => {
  const packed = Packed.load(path, { root: Library })
  try {
    return readingOf(packed)
  } finally {
    packed.close()
  }
})()

const reason = whyNotHere()
if (reason === undefined) {
  installMmapIo()
  process.chdir(MMAP_IO_FOLDER) // it is found from the program that uses it
} else {
  console.log(`only the native back-end is tested: ${reason}`)
}

for (const backend of reason === undefined
  ? (['native', 'mmap-io'] as const)
  : (['native'] as const)) {
  const load = (options = {}): Packed<LibraryView> =>
    Packed.load(path, { root: Library, backend, ...options })

  for (const verify of ['none', 'lazy', 'full'] as const) {
    test(`${backend}, verify ${verify}: all that can be read`, () => {
      const packed = load({ verify, populate: verify === 'full' })
      assert.equal(readingOf(packed), expected)
      packed.close()
    })
  }

  test(`${backend}: verify and stats`, async () => {
    const packed = load()
    assert.equal((await packed.verify()).problems, [])
    const { fileBytes, residentBytes, capacity, allocatedBytes } = packed.stats()
    assert.is(fileBytes, readFileSync(path).length)
    assert.is(capacity, 2 ** 24)
    assert.ok(allocatedBytes > 20_000 && allocatedBytes < fileBytes)
    if (backend === 'mmap-io') assert.ok(residentBytes! > 0 && residentBytes! <= fileBytes)
    packed.close()
  })

  test(`${backend}: what needs memory, or the addon, says so`, () => {
    const packed = load()
    thrown('RSTORE_UNSUPPORTED', () => packed.token())
    packed.close()
    if (backend === 'native') return load({ lock: true }).close()
    thrown('RSTORE_UNSUPPORTED', () => load({ lock: true }))
  })

  test(`${backend}: records by their refs`, () => {
    const packed = load()
    const { rootRef } = packed.session.opened
    assert.is((packed.deref(rootRef as never) as LibraryView).name, 'Bücherei')
    thrown('RSTORE_DANGLING_REF', () => packed.deref(0x0fff_ffff as never))
    packed.close()
  })

  test(`${backend}: nothing can be written, and nothing read when it is closed`, () => {
    const packed = load()
    const root = packed.root as LibraryView
    const { books } = root
    thrown('RSTORE_READ_ONLY', () => {
      root.name = 'x'
    })
    thrown('RSTORE_READ_ONLY', () => books.set(1, books.getObject(1)))
    thrown('RSTORE_READ_ONLY', () => {
      books.clear()
    })
    packed.close()
    packed.close()
    for (const use of [
      () => packed.root,
      () => books.get(1),
      () => root.name,
      () => packed.stats(),
    ]) {
      assert.throws(
        use,
        ({ code }: RStoreError) => code === 'RSTORE_CLOSED' || code === 'RSTORE_STALE_VIEW',
      )
    }
  })

  test(`${backend}: files that are no packed regions, or damaged ones`, () => {
    const bad = join(folder, `bad-${backend}`)
    const loading =
      (verify: 'none' | 'full' = 'none') =>
      () =>
        Packed.load(bad, { backend, verify })
    thrown('RSTORE_NOT_FOUND', loading())
    writeFileSync(bad, 'not a region')
    thrown('RSTORE_NOT_A_REGION', loading())
    const bytes = readFileSync(path)
    writeFileSync(bad, bytes.subarray(0, bytes.length - 4096))
    thrown('RSTORE_CORRUPT', loading())
    bytes[bytes.length - 5000]! ^= 1
    writeFileSync(bad, bytes)
    thrown('RSTORE_CORRUPT', loading('full'))
    bytes[20]! ^= 1
    writeFileSync(bad, bytes)
    thrown('RSTORE_CORRUPT', loading())
    Region.create(`${bad}-live`, { capacity: '1MiB' }).close()
    thrown('RSTORE_WRONG_KIND', () => Packed.load(`${bad}-live`, { backend }))
  })
}

if (reason === undefined) {
  test('mmap-io: more than 2 GiB is refused', () => {
    const large = join(folder, 'large')
    writeFileSync(large, readFileSync(path))
    chmodSync(large, 0o644)
    truncateSync(large, 2 ** 31)
    const error = thrown('RSTORE_TOO_LARGE', () => Packed.load(large, { backend: 'mmap-io' }))
    assert.match(error.message, /native addon/)
  })

  test('mmap-io is taken where the addon cannot be loaded', () => {
    const child = inRoot('dist/tests/mmap-io/reading-child.js')
    const run = (addon: string) =>
      spawnSync(process.execPath, [child, path], {
        encoding: 'utf8',
        cwd: MMAP_IO_FOLDER,
        env: { ...process.env, RSTORE_TEST_ADDON: addon },
      })
    for (const [addon, backend] of [
      ['missing.node', 'mmap-io'],
      ['rstore.node', 'native'],
    ] as const) {
      const { stdout, stderr } = run(addon)
      assert.equal(JSON.parse(stdout || 'null'), { backend, reading: expected }, stderr)
    }
  })
}

test('without both: what to do', () => {
  const { stderr } = spawnSync(
    process.execPath,
    [inRoot('dist/tests/mmap-io/reading-child.js'), path],
    {
      encoding: 'utf8',
      cwd: folder,
      env: { ...process.env, RSTORE_TEST_ADDON: 'missing.node' },
    },
  )
  assert.match(stderr, /RSTORE_NO_ADDON/)
  assert.match(stderr, /npm:@riaskov\/mmap-io/)
})

test.run()
