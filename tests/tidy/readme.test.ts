/** What the README says is so. */
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'
import { sourcesIn } from './sources.js'

const test = suite('README')

const readme = readFileSync(inRoot('README.md'), 'utf8')

test('its first program is examples/first.ts', () => {
  const example = readFileSync(inRoot('examples/first.ts'), 'utf8')
  const [, snippet] = /```ts\n([^]*?)```/.exec(readme)!
  const [imports, ...rest] = snippet!.split('\n\n')
  const [, body] = /\/\/ README: begin\n([^]*?)\/\/ README: end/.exec(example)!
  assert.ok(example.includes(imports!))
  assert.is(rest.join('\n\n'), body)
})

test('its table has every error code, and no other', () => {
  const codesIn = (text: string): string[] => text.match(/\bRSTORE_[A-Z_]+\b/g) ?? []
  const thrown = new Set(sourcesIn(['lib'], ['.ts'])
    .flatMap(({ text }) => codesIn(text.replace(/process\.env\[.*?\]/g, ''))))
  const listed = [...readme.matchAll(/^\| `(RSTORE_[A-Z_]+)`/gm)].map(([, code]) => code!)
  assert.equal([...thrown].filter((code) => !listed.includes(code)), [], 'missing')
  assert.equal(listed.filter((code) => !thrown.has(code)), [], 'never thrown')
  assert.equal(listed, [...listed].sort(), 'sorted')
})

test.run()
