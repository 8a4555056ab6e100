/**
 * The native core without Node: compiled with AddressSanitizer and UndefinedBehaviorSanitizer into
 * the programs tests/native/**-test.cc, which are then run.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'
import { runProgram } from '../harness/program.js'
import { FLAGS, SANITIZER, buildProgram, filesBelow, removeOldObjects } from './compile.js'

const test = suite('native core')

test.before(removeOldObjects)

const folder = inRoot('tests/native/')

for (const source of filesBelow('tests/native', '-test.cc')) {
  const name = source.slice(folder.length, -'.cc'.length)
  test(`${name}: under the sanitizers`, async () => {
    const program = await buildProgram(name, { flags: FLAGS.sanitized })
    const { output, status } = await runProgram(program, [], { env: SANITIZER })
    if (status !== 0) process.stdout.write(output)
    assert.is(status, 0, `${name} ended with ${status}`)
  })
}

test.run()
