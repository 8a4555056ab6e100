/** What all commands have in common: help, exit codes, errors, signals, broken pipes. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { COMMANDS } from '../../cli/commands/index.js'
import { asUsage, CannotOpen, report, UsageError } from '../../cli/shared/errors.js'
import { EXIT, EXIT_MEANINGS, exitCodeOfError } from '../../cli/shared/exit-codes.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { PROGRAM, rstore } from './run.js'

const test = suite('rstore, whatever the command')

const directory = temporaryDirectory()

test('help has every command, and every exit code; so has the README', () => {
  const { status, stdout } = rstore(['--help'])
  const oneLine = stdout.replace(/\s+/g, ' ')
  const readme = readFileSync(inRoot('README.md'), 'utf8')
  assert.is(status, 0)
  for (const { command, describe } of COMMANDS) {
    assert.ok(oneLine.includes(`rstore ${command}`), command)
    assert.ok(oneLine.includes(describe.slice(0, 40)), describe)
    assert.ok(readme.includes(`| \`rstore ${command.split(' ')[0]}`), `README: ${command}`)
  }
  for (const [code, meaning] of EXIT_MEANINGS) {
    assert.ok(oneLine.includes(`${code} ${meaning}`), meaning)
    assert.ok(readme.includes(`| ${code} | ${meaning} |`), `README: ${meaning}`)
  }
})

test('the help of every command has examples', () => {
  for (const { command } of COMMANDS) {
    const { status, stdout } = rstore([command.split(' ')[0]!, '--help'])
    assert.is(status, 0, command)
    assert.match(stdout, /Examples:\n +rstore /, command)
    const [, examples] = /Examples:\n([^]*?)(\n\n|$)/.exec(stdout)!
    for (const line of examples!.trimEnd().split('\n'))
      assert.match(line, /^ {2}(rstore|zcat) .*\S {2}|^ {10,}\S/, 'a command is on one line')
  }
})

test('what is wrong with the arguments is said, and where there is help: exit code 2', () => {
  const ofInspect = 'Usage: rstore inspect <path>. See `rstore inspect --help`.'
  const ofGet = 'Usage: rstore get <file> <map> [key]. See `rstore get --help`.'
  const ofDump = 'Usage: rstore dump <file>. See `rstore dump --help`.'
  const ofAll = 'Try `rstore --help`.'
  const wrong: [args: string[], what: string, help: string][] = [
    [[], 'A command is missing: say what to do.', ofAll],
    [['nonsense'], 'Unknown command: nonsense', ofAll],
    [['nonsense', 'a'], 'Unknown command: nonsense', ofAll],
    [['inspect'], 'Too few arguments', ofInspect],
    [['get', 'a'], 'Too few arguments', ofGet],
    [['get', 'a', 'b', 'c', 'd', 'e'], 'Too many arguments: d, e', ofGet],
    [['inspect', 'a', '--', 'b'], 'Too many arguments: b', ofInspect],
    [['--format', 'csv', 'dump', 'a', 'b'], 'Too many arguments: b', ofDump],
    [['inspect', 'a', '--nonsense'], 'Unknown option: --nonsense', ofInspect],
    [['inspect', 'a', '--more-nonsense', '-x'], 'Unknown option: --more-nonsense, -x', ofInspect],
    [['get', 'a', 'b', '-x'],
      'Unknown option: -x. A name or key that begins with - goes behind --', ofGet],
    [['inspect', 'a', '--page'], '--page needs a value', ofInspect],
    [['dump', 'a', '--format', 'x'], '--format: "x" is none of "jsonl", "csv"', ofDump],
  ]
  for (const [args, what, help] of wrong) {
    const { status, stdout, stderr } = rstore(args)
    assert.equal([status, stdout, stderr], [EXIT.usage, '', `rstore: ${what}\n${help}\n`])
  }
})

test('what yargs says is English like the rest, whatever the language of the system', () => {
  const language = process.env['LC_ALL']
  process.env['LC_ALL'] = 'de_DE.UTF-8'
  try {
    assert.match(rstore(['inspect']).stderr, /^rstore: Too few arguments\n/)
    assert.match(rstore(['inspect', '--help']).stdout, /\[required\]\n\nOptions:\n/)
  } finally {
    if (language === undefined) delete process.env['LC_ALL']
    else process.env['LC_ALL'] = language
  }
})

test('options are checked before any file is opened: exit code 2', () => {
  const wrong: [string[], RegExp][] = [
    [['scan', 'a', 'b', '--limit', 'x'], /--limit must be a number/],
    [['scan', 'a', 'b', '--gte', 'x', '--gte', 'y'], /--gte is given more than once/],
    [['set', 'a', 'b', 'c', '1', '--wait', 'x'], /--wait must be a number/],
    [['set', 'a', 'b', 'c', '1', '--wait', '-1'], /--wait: seconds, from 0 on/],
    [['stat', 'a', '--watch', '--interval', '3e6'], /--interval must be less than 24 days/],
    [['stat', 'a', '--watch', '--count', '1.5'], /--count must be a whole number/],
    [['stat', 'a', '--count', '2'], /--count is for --watch/],
    [['vector', 'a', '--tail', '1.5'], /--tail: how many elements/],
    [['vector', 'a', '--tail', '-1'], /--tail: how many elements/],
    ...[['backup', 'a', ''], ['pack', 'a', ''], ['thaw', 'a', ''], ['repair', 'a', ''],
      ['compact', 'a', '-o', ''], ['verify', ''], ['inspect', ''], ['inspect', 'a', '--html', ''],
      ['load', 'a', ''], ['load', '', 'a'], ['load', 'a', '--schema', '']]
      .map((args): [string[], RegExp] => [args, /^rstore: \w+: the name of a file is empty\n$/]),
  ]
  for (const [args, message] of wrong) {
    const { status, stdout, stderr } = rstore(args)
    assert.equal([status, stdout], [EXIT.usage, ''], stderr)
    assert.match(stderr, message)
  }
})

test('what is no region file is refused at once, with its name: exit code 3', async () => {
  const pipe = join(directory, 'pipe')
  execFileSync('mkfifo', [pipe])
  const missing = join(directory, 'missing')
  for (const { command, load } of COMMANDS.filter((one) => !one.command.startsWith('load'))) {
    for (const [path, message] of [[pipe, 'not a regular file'], [missing, 'no such file'],
      [directory, 'a folder|not a store|not a regular file']] as const) {
      const out = join(directory, 'out')
      const map = command.startsWith('inspect') ? {} : { map: 'm' }
      const args = { file: path, path, out, ...map, key: '1', value: '2', wait: 0, interval: 1 }
      const error = await load().then(({ run }) => run(args))
        .then(() => undefined, (thrown) => thrown)
      const text = `${error?.path}: ${error?.message}`
      assert.ok(error instanceof CannotOpen || 'path' in error, `${command}: ${text}`)
      assert.match(text, new RegExp(message), command)
      assert.ok(text.includes(path), `${command}: ${text}`)
    }
  }
})

test('errors of the library have their exit codes', () => {
  assert.is(exitCodeOfError({ code: 'RSTORE_CORRUPT', facts: {} }), EXIT.damage)
  assert.is(exitCodeOfError({ code: 'RSTORE_BUSY', facts: {} }), EXIT.busy)
  assert.is(exitCodeOfError({ code: 'RSTORE_UNIQUE', facts: {} }), EXIT.usage)
  assert.is(exitCodeOfError({ code: 'RSTORE_NO_SPACE', facts: {} }), EXIT.cannotOpen)
  const missing = (facts: object) =>
    exitCodeOfError({ code: 'RSTORE_NOT_FOUND', facts: { ...facts } })
  assert.equal([missing({ path: 'x' }), missing({ name: 'x' })], [EXIT.cannotOpen, EXIT.usage])
  assert.throws(() => asUsage('key', () => { throw new RangeError('too large') }), (error: Error) =>
    error instanceof UsageError && error.message === 'key: too large')
  assert.throws(() => asUsage('key', () => { throw new Error('ours') }), /^ours$/)
  assert.is(report(new UsageError('shown by a test: \u001b[31m')), EXIT.usage)
})

test('the shell is told how to complete', () => {
  assert.match(rstore(['completion']).stdout, /complete .* rstore\n/)
  const { stdout } = rstore(['--get-yargs-completions', 'rstore', 'insp'])
  assert.match(stdout, /^inspect$/m)
})

function start(script: string, args: readonly string[]) {
  const child = spawn(process.execPath, [inRoot(script), ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] })
  return { child, ended: once(child, 'exit') as Promise<[number | null, string | null]> }
}

test('what is half done goes, after a throw or a signal, which ends the process', async () => {
  const path = join(directory, 'temporary')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const { child, ended } = start('dist/tests/cli/cleanups-child.js', [path, 'wait'])
    await once(child.stdout, 'data')
    assert.ok(existsSync(path))
    child.kill(signal)
    assert.equal(await ended, [null, signal])
    assert.not(existsSync(path))
  }
  await start('dist/tests/cli/cleanups-child.js', [path, 'throw']).ended
  assert.not(existsSync(path))
  assert.equal(await start('dist/tests/cli/cleanups-child.js', [path, 'succeed']).ended, [0, null])
  assert.ok(existsSync(path))
})

test('a reader that goes away ends it quietly', async () => {
  const child = spawn(process.execPath, [PROGRAM, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  const [code] = await once(child, 'close') as [number]
  assert.equal([code, Buffer.concat(errors).toString()], [141, ''])
})

test.run()
