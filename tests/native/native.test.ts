/**
 * The native core without Node: compiled with AddressSanitizer and UndefinedBehaviorSanitizer into
 * the programs tests/native/**-test.cc, which are then run.
 */
import { basename } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SANITIZED, SANITIZER, buildProgram, filesBelow, removeOldObjects, run } from './compile.js'

const test = suite('native core')

test.before(removeOldObjects)

for (const source of filesBelow('tests/native', '-test.cc')) {
  test(`${basename(source, '-test.cc')}: under the sanitizers`, async () => {
    const program = await buildProgram(source, basename(source, '.cc'), { flags: SANITIZED })
    const { output, status } = await run(program, [], SANITIZER)
    if (status !== 0) process.stdout.write(output)
    assert.is(status, 0, `${basename(program)} ended with ${status}`)
  })
}

test.run()
