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

test('each of its snippets is what an example, which the tests run, shows of itself', () => {
  const shown = sourcesIn(['examples'], ['.ts']).flatMap(({ text }) =>
    [...text.matchAll(/\/\/ README: begin\n([^]*?)\/\/ README: end/g)].map(([, body]) => body!))
  const snippets = [...readme.matchAll(/```ts\n([^]*?)```/g)].map(([, snippet]) => snippet!)
  assert.ok(snippets.length > 0)
  assert.equal(snippets.filter((snippet) => !shown.some((body) => snippet.endsWith(body))), [])
})

test('its chapters are in an order in which they can be read', () => {
  const chapters = [
    'Two commands', 'When to use something else', 'What is guaranteed', 'Error codes',
    'Benchmarks', 'Reading the source',
  ].map((title) => readme.indexOf(`\n## ${title}\n`))
  assert.ok(chapters.every((at) => at > 0))
  assert.equal(chapters, [...chapters].sort((one, other) => one - other))
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
