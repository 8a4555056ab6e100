import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runTestFile } from './runner.js'
import { temporaryDirectory } from './temporary.js'

const test = suite('the test runner')

const directory = temporaryDirectory()
let fileCount = 0

/** Runs a test file with these lines after the import of uvu; 2 s, of which 1 s for the exit. */
async function run(...lines: string[]) {
  const path = join(directory, `${fileCount++}.mjs`)
  const begin = `import { suite } from ${JSON.stringify(import.meta.resolve('uvu'))}`
  writeFileSync(path, [begin, 'const test = suite()', ...lines].join('\n'))
  const { passed, failed, problem } = await runTestFile(path, { fileMs: 2000, exitMs: 1000 })
  return { passed, failed, problem }
}

const fine = 'test("fine", () => {})'
const broken = 'test("broken", () => { throw new Error("no") })'

test('counts what passes and what fails', async () => {
  assert.equal(await run(fine, fine, 'test.run()'), { passed: 2, failed: 0, problem: '' })
  assert.equal(await run(fine, broken, 'test.run()'), { passed: 1, failed: 1, problem: '' })
})

test('a hook that throws and a skipped test are failures', async () => {
  const hook = await run('test.before(() => { throw new Error("no") })', fine, fine, 'test.run()')
  assert.equal(hook, { passed: 0, failed: 2, problem: '' })
  assert.is((await run(fine, 'test.skip("later")', 'test.run()')).failed, 1)
})

test('a file that reports nothing, crashes or leaves early has failed', async () => {
  assert.match((await run(fine)).problem, /reported no test/)
  const early = await run('test("leaves", () => process.exit(0))', 'test.run()')
  assert.equal([early.failed, early.problem], [1, 'ended before its last test (exit code 0)'])
  const killed = await run('test("dies", () => process.kill(process.pid, 9))', 'test.run()')
  assert.equal([killed.failed, killed.problem], [1, 'ended before its last test (signal SIGKILL)'])
  const empty = await run('await new Promise(() => {})')
  assert.is(empty.failed, 1)
  assert.is((await runTestFile(join(directory, 'missing.js'))).problem, 'was not compiled')
})

test('a late rejection is a failure although every test passed', async () => {
  const late = await run(fine, 'test.run()', 'setTimeout(() => Promise.reject(new Error("x")), 99)')
  assert.equal(late, { passed: 1, failed: 1, problem: 'ended with exit code 1' })
})

test('a file that hangs is killed', async () => {
  const forever = 'setInterval(() => {}, 1000)'
  assert.is((await run(`test("hangs", () => new Promise(() => ${forever}))`, 'test.run()')).problem,
    'still ran after 2 s')
  assert.equal(await run(fine, 'test.run()', forever),
    { passed: 1, failed: 1, problem: 'did not exit after its last test' })
})

test.run()
