/** The house style, as far as a program can watch it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findCycle, isAllowedImport } from './directions.js'
import { importsOf, linesWhere, sourcesIn, type Source } from './sources.js'

const test = suite('tidy')

const typescript = sourcesIn(['formats', 'lib', 'cli', 'tests', 'examples'], ['.ts'])
const native = sourcesIn(['native'], ['.cc', '.h', '.mjs'])
const everything = [...typescript, ...native]

const isOurs = (path: string): boolean => path.includes('/') && path.endsWith('.ts')

test('imports go down, never up', () => {
  const wrong = typescript.flatMap((source) => importsOf(source)
    .filter(({ to }) => isOurs(to) && !isAllowedImport(source.path, to))
    .map(({ to }) => `${source.path} imports ${to}`))
  assert.equal(wrong, [])
})

test('no two files import each other, by whatever way, other than for types', () => {
  const valuesOf = (source: Source) => importsOf(source)
    .filter(({ to, typeOnly }) => !typeOnly && isOurs(to))
    .map(({ to }) => to)
  const imports = typescript.map((source) => [source.path, valuesOf(source)] as const)
  assert.is(findCycle(new Map(imports)), undefined)
})

test('no program loads both the library\'s files and the package, which is another copy', () => {
  const sources = new Map(typescript.map((source) => [source.path, source]))
  const reachedFrom = (path: string, reached = new Set<string>()): Set<string> => {
    if (reached.has(path)) return reached
    reached.add(path)
    const source = sources.get(path)
    for (const { to, typeOnly } of source === undefined ? [] : importsOf(source)) {
      if (!typeOnly) reachedFrom(to, reached)
    }
    return reached
  }
  const both = [...sources.keys()].filter((path) => {
    const reached = reachedFrom(path)
    return reached.has('rstore') && reached.has('lib/index.ts')
  })
  assert.equal(both, [])
})

test('wrong directions and cycles would be found', () => {
  assert.not(isAllowedImport('lib/tree/node.ts', 'lib/map/map.ts'))
  assert.not(isAllowedImport('cli/main.ts', 'lib/tree/node.ts'))
  assert.not(isAllowedImport('lib/errors.ts', 'tests/run.ts'))
  assert.not(isAllowedImport('lib/unheard-of/x.ts', 'lib/errors.ts'))
  const text = "import {\n  x,\n} from '../c.js'\nimport type { y } from 'y'\nimport './d.js'\n"
  assert.equal(importsOf({ path: 'lib/a/b.ts', text }), [
    { to: 'lib/c.ts', typeOnly: false },
    { to: 'y', typeOnly: true },
    { to: 'lib/a/d.ts', typeOnly: false },
  ])
  const imports = new Map([['a', ['b']], ['b', ['c']], ['c', ['b']]])
  assert.equal(findCycle(imports), ['b', 'c', 'b'])
})

test('lines have at most 100 characters', () => {
  const limitOf = ({ path }: Source) => path.startsWith('formats/') ? 160 : 100
  const long = everything.flatMap((source) =>
    linesWhere(source, (line) => [...line].length > limitOf(source)))
  assert.equal(long, [])
})

test('nothing is left for later', () => {
  const words = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK']
  const marker = new RegExp(`\\b(${words.join('|')})\\b`)
  const left = everything.flatMap((source) => linesWhere(source, (line) => marker.test(line)))
  assert.equal(left, [])
})

test('no test is narrowed or left out, every suite runs', () => {
  const tests = typescript.filter(({ path }) => path.endsWith('.test.ts'))
    .map(({ path, text }) => ({ path, text: text.replace(/(['"`])(?:(?!\1).)*\1/g, '""') }))
  const narrowed = /\.(only|skip)\(/
  assert.equal(tests.flatMap((source) => linesWhere(source, (line) => narrowed.test(line))), [])
  const count = (text: string, part: RegExp) => (text.match(part) ?? []).length
  const idle = tests.filter(({ text }) =>
    count(text, /= suite[<(]/g) !== count(text, /^\w+\.run\(\)/gm))
  assert.equal(idle.map(({ path }) => path), [])
})

test('only the binding knows Node', () => {
  const nodeNames = /\bnapi_|\bNapi::|node_api\.h|napi\.h|\bv8::/
  const core = native.filter(({ path }) => path.startsWith('native/src/')
    && !path.startsWith('native/src/binding/'))
  assert.equal(core.flatMap((source) => linesWhere(source, (line) => nodeNames.test(line))), [])
})

test('the binding knows Node by ending.h, whose checks do not end the process', () => {
  const others = native.filter(({ path }) => path.startsWith('native/src/binding/')
    && path !== 'native/src/binding/ending.h')
  const direct = /#include <(node_api|js_native_api|napi)|ThrowAsJavaScriptException/
  const throwing = others.flatMap((source) => linesWhere(source, (line) => direct.test(line)))
  assert.is(throwing.length, 1)
  assert.match(throwing[0]!, 'native/src/binding/ending.cc')
})

test('files are met only through the table of core/io.h, where tests can make a call fail', () => {
  const names = ['link', 'linkat', 'rename', 'renameat', 'unlink', 'unlinkat', 'write', 'pwrite',
    'pwritev', 'fsync', 'fdatasync', 'ftruncate', 'fallocate', 'copy_file_range', 'fchown',
    'fchmod', 'stat', 'fstat', 'lstat', 'pthread_create']
  const call = new RegExp(`(?:^|[^.>\\w])(?:${names.join('|')})\\(`)
  const direct = (source: Source) => linesWhere(source, (line) => call.test(line))
  const elsewhere = native.filter(({ path }) => /^native\/src\/.*\.(cc|h)$/.test(path)
    && !/^native\/src\/core\/(seam\/|io\.cc$|address-space\.cc$)/.test(path))
  assert.equal(elsewhere.flatMap(direct), [])
  const text = '  if (::link(a, b) != 0) return;\n  io().link(a, b);\n'
  assert.is(direct({ path: 'a.cc', text }).length, 1)
})

test.run()
