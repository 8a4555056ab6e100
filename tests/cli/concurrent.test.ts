/** Inspecting a region that another process writes all the while: each look is at one commit. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyFiles } from '../../cli/commands/verify.js'
import { inspectRegion } from '../../cli/read/inspection.js'
import { readRegion } from '../../cli/read/region.js'
import { Region, t } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('inspecting while others write')

const LOOKS = 40

test('no look sees damage, or half of a transaction', async () => {
  const path = join(temporaryDirectory(), 'busy.region')
  const writer = spawn(process.execPath,
    [fileURLToPath(new URL('./writer.js', import.meta.url)), path],
    { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(writer, 'exit')
  await Promise.race([once(writer.stdout, 'data'), ended])
  assert.is(writer.exitCode, null, 'the writer has ended')
  const checkpoints = new Set<unknown>()
  let epoch = 0n
  for (let i = 0; i < LOOKS || checkpoints.size <= 3; i++) {
    assert.is(writer.exitCode, null, 'the writer has ended')
    const shown = readRegion(path, inspectRegion)
    assert.equal(shown.problems, [])
    const [left, right] = ['left', 'right'].map((name) =>
      shown.names.find((entry) => entry.name === name)!.entries!)
    assert.is(left! + right!, 20_000)
    assert.ok(shown.epoch! >= epoch)
    epoch = shown.epoch!
    checkpoints.add(shown.checkpoint!.epoch)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  writer.kill('SIGKILL')
  await ended
  assert.equal(readRegion(path, inspectRegion).problems, [])
})

const MOVING_LOOKS = 300

test('nor beside one compaction after another', async () => {
  const path = join(temporaryDirectory(), 'moving.region')
  const region = Region.create(path, { capacity: '2MiB', durability: 'none' })
  region.transact(() => region.value('round', t.u32).set(0))
  region.close()
  const children = ['compact', 'write', 'write'].map((job) =>
    new Child<{ times: number }>('dist/tests/compact/again-child.js', [path, job]))
  for (const child of children) await child.expect()
  const generations = new Set<bigint>()
  try {
    for (let i = 0; i < MOVING_LOOKS; i++) {
      const { identity, problems } = readRegion(path, inspectRegion)
      assert.equal(problems, [])
      generations.add(identity.generation)
      assert.equal(verifyFiles(path).problems, [])
    }
  } finally {
    for (const child of children) child.send({ end: true })
    for (const child of children) await child.finish()
  }
  assert.ok(generations.size > 3, `only ${generations.size} compactions came in between`)
})

test.run()
