/**
 * The package as a user gets it: packed, installed into an empty project on a machine without
 * compiler and with install scripts disabled, and used in each of the ways that Node has.
 */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  asCommonJs, asJavaScript, bareEnvironment, compileProject, must, newProject, packTarball,
  projectBeside, readmeProgram, runNode,
} from './project.js'

const test = suite('the installed package')

const env = bareEnvironment()
const program = readmeProgram()
const javascript = newProject(packTarball(process.arch), {}, env)

/** Runs a program in a project and asks the installed command what it left. */
function expectCities(project: string, file: string): void {
  rmSync(join(project, 'cities.region'), { force: true })
  const { status, stderr } = runNode(file, { cwd: project, env })
  assert.is(stderr, '')
  assert.is(status, 0)
  const shown = must(process.execPath, [
    join(project, 'node_modules/.bin/rstore'), 'inspect', 'cities.region', '--json',
  ], { cwd: project, env })
  assert.match(shown, /"cities"/)
}

test('nothing was compiled, and nothing is there that nobody needs', () => {
  const folder = join(javascript, 'node_modules/rstore')
  assert.not(existsSync(join(folder, 'native/build')))
  assert.ok(existsSync(join(folder, `native/prebuilds/linux-${process.arch}/rstore.node`)))
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  assert.equal(names.filter((name) => /\.map$|\.stamp$|test|seam\/|examples/.test(name)
    && !/test-seam/.test(name)), [])
})

test('the library is one file beside its types, and the command shares it', () => {
  const dist = join(javascript, 'node_modules/rstore/dist')
  const scripts = readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
  assert.equal(scripts.filter((name) => !name.startsWith('bundle/')), [])
  assert.equal(scripts.filter((name) =>
    readFileSync(join(dist, name), 'utf8').includes('loadAddon()')), ['bundle/rstore.js'])
})

test('the README\'s program, as an ES module', () => {
  writeFileSync(join(javascript, 'first.mjs'), asJavaScript(program))
  expectCities(javascript, 'first.mjs')
})

test('the README\'s program, with require', () => {
  writeFileSync(join(javascript, 'first.cjs'), asCommonJs(program))
  assert.match(asCommonJs(program), /= require\('rstore'\)/)
  expectCities(javascript, 'first.cjs')
})

for (const type of ['module', 'commonjs']) {
  test(`the README's program, in TypeScript, module nodenext, package type ${type}`, () => {
    const project = projectBeside(javascript, { type })
    writeFileSync(join(project, 'first.ts'), program)
    const { stdout } = compileProject(project)
    assert.is(stdout, '')
    expectCities(project, 'out/first.js')
  })
}

test('types are checked: a wrong field is an error', () => {
  const project = projectBeside(javascript, { type: 'module' })
  writeFileSync(join(project, 'first.ts'), program.replace("name: 'Oslo'", "nime: 'Oslo'"))
  assert.match(compileProject(project).stdout, /error TS.*'nime' does not exist/)
})

test('without a binary for the platform, the error says what to do', () => {
  const project = javascript // nobody needs it any more
  writeFileSync(join(project, 'first.mjs'), asJavaScript(program))
  rmSync(join(project, 'node_modules/rstore/native/prebuilds'), { recursive: true })
  const { status, stderr } = runNode('first.mjs', { cwd: project, env })
  assert.is(status, 1)
  assert.match(stderr, /RSTORE_NO_ADDON/)
  assert.match(stderr, /Build it with "node .*node_modules\/rstore\/native\/build\.mjs"/)
  const build = runNode('node_modules/rstore/native/build.mjs', { cwd: project, env })
  assert.is(build.status, 1)
  assert.match(build.stderr, /Not found: python3, make, g\+\+/)
})

test.run()
