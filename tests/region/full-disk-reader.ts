/**
 * A child that reads on, in every way there is, while another one fills the disk:
 * full-disk-reader.js FOLDER PLAN. It says how often which way was right, or refused.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { Region, RStoreError } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { Child, say } from '../harness/child.js'
import { nextTurn } from '../harness/until.js'
import { FIRST_BLOBS, blobsOf, checkBlobs } from './full-disk-blobs.js'

const [folder, plan] = process.argv.slice(2) as [string, string]
const path = join(folder, 'full.region')
const ballast = join(folder, 'ballast')
writeFileSync(ballast, Buffer.alloc(1 << 20))

const writer = new Child<any>('dist/tests/region/full-disk-writer.js', [path, plan])
assert.equal(await writer.expect(), { open: true })
const reader = Region.open(path, { readOnly: true })
const held = reader.snapshot()
if (plan !== '') {
  // This process finds no room at all.
  const { testIo } = addon() as unknown as { testIo: { start(plan: string): void } }
  testIo.start('fail:ENOSPC@1+')
}

// ── the ways to read ──

/** Between two steps others commit, and the iterator goes on in what they committed. */
async function iterate(): Promise<void> {
  let seen = 0
  for (const [key] of blobsOf(reader as unknown as Region).entries()) {
    assert.is(key, seen++)
    if (key % 50 === 0) await nextTurn()
  }
  assert.ok(seen >= FIRST_BLOBS)
}

function readNewHandle(): void {
  const another = Region.open(path, { readOnly: true })
  try {
    another.read(() => checkBlobs(another))
  } finally {
    another.close()
  }
}

function readSnapshot(): void {
  const snapshot = reader.snapshot()
  try {
    checkBlobs(snapshot)
  } finally {
    snapshot.close()
  }
}

const WAYS: Record<string, () => void | Promise<void>> = {
  'read()': () => void reader.read(() => checkBlobs(reader)),
  'entries()': iterate,
  'snapshot()': readSnapshot,
  'an old snapshot': () => assert.is(checkBlobs(held), FIRST_BLOBS),
  'a new handle': readNewHandle,
}

const right: Record<string, number> = {}
const refused: string[] = []

async function lookInAllWays(): Promise<void> {
  for (const [way, look] of Object.entries(WAYS)) {
    try {
      await look()
      right[way] = (right[way] ?? 0) + 1
    } catch (error) {
      if (!(error instanceof RStoreError)) throw error
      refused.push(`${way}: ${error.code}`)
    }
    await nextTurn()
  }
}

// ── meanwhile ──

/** Until the writer is refused, and twice more. Gives what it was told then. */
async function readWhileFilling(): Promise<{ count: number; codes: string[] }> {
  const codes: string[] = []
  let count = 0
  for (let steps = 0; codes.length < 3; steps++) {
    writer.send({ transactions: 5, isNew: steps === 0 })
    const answer = writer.expect()
    await lookInAllWays()
    const { count: now, code } = await answer
    count = now
    if (code !== '') codes.push(code)
  }
  await lookInAllWays()
  assert.is(reader.read(() => checkBlobs(reader)), count, 'the last commit')
  return { count, codes }
}

const first = await readWhileFilling()
rmSync(ballast)
const second = await readWhileFilling()
held.close()
reader.close()
writer.send({ exit: true })
await writer.finish()
say({ filled: [first, second], right, refused })
