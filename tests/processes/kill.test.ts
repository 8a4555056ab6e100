/**
 * SIGKILL at random moments of a child that does nothing but transactions: what it committed is
 * there, and nothing else.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region } from 'rstore'
import { Child } from '../harness/child.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { verifyWhole } from '../harness/verify.js'
import { checkBank, makeBank } from './bank.js'
import { printedSeed, Random } from './random.js'

const test = suite('kill')

const KILLS = 200
const VERIFY_EVERY = 10
interface Said {
  beginning?: number
  committed?: number
}

/** How many transactions were begun and committed by a child that is killed after so many. */
async function runAndKill(path: string, seed: number, after: number, delayMs: number) {
  const child = new Child<Said>('dist/tests/processes/killed-writer.js', [path, String(seed)])
  let [begun, committed] = [0, 0]
  const hear = ({ beginning, committed: done }: Said): void => {
    begun = beginning ?? begun
    committed = done ?? committed
  }
  for (let i = 0; i < after; i++) hear(await child.expect())
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
  const { signal } = await child.kill()
  assert.is(signal, 'SIGKILL', child.errorOutput)
  child.takeAll().forEach(hear)
  return { begun, committed }
}

/**
 * One region, a child after the other. The parent has it open half of the time: then the next
 * child takes over a living lock file.
 */
async function killMany(path: string, seed: number, kills: number): Promise<void> {
  makeBank(path)
  const random = new Random(seed)
  let known = 0
  let keeper: Region | undefined
  for (let kill = 0; kill < kills; kill++) {
    if (kill % 20 === 10) keeper = Region.open(path)
    const { begun, committed } = await runAndKill(
      path,
      kill + 1 + seed,
      random.below(40),
      random.below(20),
    )
    const region = keeper ?? Region.open(path, { readOnly: true })
    const last = region.read(() => checkBank(region))
    known = Math.max(committed, known)
    assert.ok(
      last === known || last === begun,
      `kill ${kill}: ${last} is neither ${known} nor ${begun}`,
    )
    known = last
    if (kill % VERIFY_EVERY === 0) await verifyWhole(region)
    if (region !== keeper || kill % 20 === 19) {
      region.close()
      keeper = undefined
    }
  }
  keeper?.close()
  const last = Region.open(path, { readOnly: true })
  await verifyWhole(last)
  last.close()
  const inspected = JSON.parse(
    execFileSync(process.execPath, [inRoot('dist/bundle/main.js'), 'inspect', path, '--json'], {
      encoding: 'utf8',
    }),
  )
  assert.equal(inspected.problems, [])
}

test(`${KILLS} times`, async () => {
  const seed = printedSeed()
  const folder = temporaryDirectory()
  await Promise.all([
    killMany(join(folder, 'a.region'), seed, KILLS / 2),
    killMany(join(folder, 'b.region'), seed + 1, KILLS / 2),
  ])
})

test.run()
