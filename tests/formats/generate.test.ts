import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { generateSpec, staleFiles } from '../../formats/generate.js'

const test = suite('generated files')

test('the C++ header and the tables of SPEC.md are what the layouts say', () => {
  assert.equal(staleFiles().map(({ path }) => path), [], 'run node dist/formats/generate.js')
})

test('a specification without a table for each layout is refused', () => {
  const spec = '<!-- layout Slot -->\n<!-- end -->\n'
  assert.throws(() => generateSpec(spec), /no table for .*Identity/)
})

test('a table of something that does not exist is refused', () => {
  assert.throws(() => generateSpec('<!-- layout Nothing -->\n<!-- end -->\n'), /no layout/)
  assert.throws(() => generateSpec('<!-- constants NOTHING -->\n<!-- end -->\n'), /no constant/)
})

test.run()
