/**
 * `npm run lint`: what programs find out about the sources and the package. What depends on our own
 * rules is tests/tidy.
 *
 *   node tools/lint.mjs [part of a name …]
 *   node tools/lint.mjs --fix     repairs what eslint and clang-format can
 *
 * eslint, knip (dead code), clang-format, publint and attw (the package) come from npm; clang-tidy
 * is run where it is installed.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { filesBelow, ROOT, run, runMain, runs, StepFailed } from '../native/tools.mjs'
import { writeDocs } from './docs.mjs'
import { binary, installTools, inTools } from './install.mjs'

const FOLDERS = ['formats', 'lib', 'cli', 'tests', 'examples']
const words = process.argv.slice(2)
const fix = words.includes('--fix')
const filters = words.filter((word) => word !== '--fix')

/** Quiet unless it fails; whether it did. */
function check(name, command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28,
  })
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name}`)
  if (status !== 0) console.log(`${stdout}${stderr}${error?.message ?? ''}`)
  return status === 0
}

const nativeSources = () => [...filesBelow('native/src', ['.cc', '.h']),
  ...filesBelow('tests/native', ['.cc', '.h'])].filter((path) => !path.includes('/generated/'))

const eslint = () => check('eslint', binary('eslint'), [
  '--config', inTools('eslint.config.mjs'), ...(fix ? ['--fix'] : []), ...FOLDERS,
])

const knip = () => check('knip', binary('knip'), ['--config', inTools('knip.json'), '--no-progress'])

const clangFormat = () => check('clang-format', binary('clang-format'), [
  ...(fix ? ['-i'] : ['--dry-run', '--Werror']), ...nativeSources(),
])

function clangTidy() {
  if (!runs('clang-tidy')) {
    console.log('--   clang-tidy: not installed')
    return true
  }
  const napi = createRequire(import.meta.url).resolve('node-addon-api/package.json')
  const headers = join(dirname(process.execPath), '..', 'include', 'node')
  const flags = [
    '-std=gnu++20', '-fno-exceptions', '-Inative/src', '-isystem', dirname(napi), '-isystem',
    headers, '-DNAPI_VERSION=8', '-DNAPI_DISABLE_CPP_EXCEPTIONS',
  ]
  const script = 'printf "%s\\n" "$0" | xargs -P "$1" -I{} clang-tidy --quiet {} -- "${@:2}"'
  return check('clang-tidy', 'bash', [
    '-c', script, filesBelow('native/src', ['.cc']).join('\n'), String(availableParallelism()),
    ...flags,
  ])
}

/** Of the tarball: what is asked for is what users get. */
function packageChecks() {
  const folder = mkdtempSync(join(tmpdir(), 'rstore-lint-'))
  try {
    run('npm pack', 'npm', [
      'pack', '--silent', '--ignore-scripts', '--pack-destination', folder,
    ], () => '')
    const tarball = join(folder, readdirSync(folder)[0])
    return [
      check('publint', binary('publint'), ['run', tarball, '--strict']),
      check('attw', binary('attw'), [tarball, '--profile', 'esm-only']),
    ].every(Boolean)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The API reference is what the docstrings say now. */
function docs() {
  const folder = mkdtempSync(join(tmpdir(), 'rstore-docs-'))
  try {
    writeDocs(folder)
    return check('docs/api (npm run docs)', 'diff', ['-r', 'docs/api', folder])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const CHECKS = {
  eslint, knip, docs, 'clang-format': clangFormat, 'clang-tidy': clangTidy, package: packageChecks,
}

runMain(() => {
  installTools()
  const wanted = Object.entries(CHECKS).filter(([name]) =>
    filters.length === 0 || filters.some((part) => name.includes(part)))
  const good = wanted.map(([, run]) => run())
  if (!good.every(Boolean)) throw new StepFailed('rstore: see above; some of it is repaired by '
    + '"npm run lint -- --fix"')
})
