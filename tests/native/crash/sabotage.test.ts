/**
 * The crash tests themselves: the core is compiled with one line changed, and they must notice.
 * Each sabotage takes away a step that an argument of the core rests on.
 */
import { basename } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runProgram } from '../../harness/program.js'
import { FLAGS, buildProgram } from '../compile.js'

const test = suite('sabotage of the core')

interface Sabotage {
  title: string
  file: string
  line: string
  instead: string
  program: 'crash' | `interleaving/${'pins' | 'pending' | 'disk-failures'}`
  args?: readonly string[]
}

const all: readonly Sabotage[] = [
  {
    title: 'a commit that is not synced',
    file: 'commit.cc',
    line: 'if (const Status synced = syncOf(log_.fd()); !synced.ok()) return latch(synced);',
    instead: '',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'a checkpoint that writes before the log is on the disk',
    file: 'checkpoint.cc',
    line: 'if (const Status synced = log_.sync(); !synced.ok()) return suspect(synced);',
    instead: '',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'records without a checksum',
    file: 'log.cc',
    line: 'return read.ok() && checksum == record.checksum;',
    instead: 'return read.ok() && checksum != 0;',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'lines over a tail that no slot vouches for',
    file: 'checkpoint.cc',
    line: 'if (!hasUnprovenTail(*slot, target)) return kSuccess;',
    instead: 'if (!hasUnprovenTail(*slot, 0)) return kSuccess;',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'a failed write of a tail that nobody is told of',
    file: 'commit.cc',
    line: 'if (const Status wrote = writeTail(changes); !wrote.ok()) return fail(wrote);',
    instead: '(void)writeTail(changes);',
    program: 'crash',
    args: ['eio', 'until-failure', 'seed=1'],
  },
  {
    title: 'pages that were written ahead, and not again after they were changed',
    file: 'tail.cc',
    line: 'pending_.again.push_back(page);',
    instead: '',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'the checksum of a page as it was when it was written ahead',
    file: 'tail.cc',
    line: 'for (const uint32_t again : pending_.again) {',
    instead: 'for (const uint32_t again : std::vector<uint32_t>{}) {',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'a stretch that is shown from the file with what was changed meanwhile',
    file: 'tail.cc',
    line: 'memcpy(pageAt(changed[i]), kept.data() + i * kPageBytes, kPageBytes);',
    instead: '',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'a tail that was written ahead and stays in the file behind a lower end',
    file: 'tail.cc',
    line: 'if (ahead_.highPage > end) {  // T4',
    instead: 'if (false) {',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'a log that is not begun when the file is written ahead',
    file: 'tail.cc',
    line: 'if (const Status begun = beginLog(); !begun.ok()) return begun;',
    instead: '',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'a write ahead that failed, and a commit',
    file: 'tail.cc',
    line: 'return ahead_.written.ok() ? ahead_.shown : fail(ahead_.written);',
    instead: 'return ahead_.shown;',
    program: 'crash',
    args: ['eio', 'until-failure', 'seed=1'],
  },
  {
    title: 'a failed sync of the log after which the handle goes on',
    file: 'commit.cc',
    line: 'if (const Status synced = syncOf(log_.fd()); !synced.ok()) return latch(synced);',
    instead: 'if (const Status synced = syncOf(log_.fd()); !synced.ok()) return synced;',
    program: 'crash',
    args: ['eio', 'until-failure', 'seed=1'],
  },
  {
    title: 'a file marked as closed well before the zeros behind its data are on the disk',
    file: 'opening.cc',
    line: 'if (const Status synced = syncData(writable.fd); !synced.ok()) return synced;',
    instead: '',
    program: 'crash',
    args: ['tear', 'until-failure', 'seed=1'],
  },
  {
    title: 'a log that may have lost pages, of which nobody looks at the records',
    file: 'view.cc',
    line: 'return lock_.isSuspect() ? log_.prove(from, epoch) : kSuccess;',
    instead: 'return lock_.isSuspect() && from.epoch > epoch ? log_.prove(from, epoch) : kSuccess;',
    program: 'interleaving/disk-failures',
  },
  {
    title: 'pins that nobody sees',
    file: 'lock-file.cc',
    line: 'own.store(epoch, std::memory_order_seq_cst);  // L3, L4',
    instead: 'own.store(epoch == 0 ? epoch : 0);',
    program: 'interleaving/pins',
  },
  {
    title: 'log segments reused under a pin',
    file: 'log.cc',
    line: 'if (entry.lastEpoch <= lowest) return index;',
    instead: 'if (entry.lastEpoch <= durable) return index;',
    program: 'interleaving/pins',
  },
  {
    title: 'pages that wait are filled from a log that goes meanwhile',
    file: 'pending-pages.cc',
    line: 'if (next->epoch > durableEpoch()) return whole;',
    instead: 'return whole;',
    program: 'interleaving/pending',
  },
  {
    title: 'a private page that waits is taken for what the file held',
    file: 'pending-pages.cc',
    line: 'if (next != first) (void)giveBackPages(addressOf(first->page), kPageBytes);',
    instead: '',
    program: 'interleaving/pending',
  },
]

function changeIn(sabotage: Sabotage): (source: string, text: string) => string {
  return (source, text) => {
    if (basename(source) !== sabotage.file) return text
    assert.is(text.split(sabotage.line).length, 2, `${sabotage.file} has no line to break`)
    return text.replace(sabotage.line, sabotage.instead)
  }
}

for (const sabotage of all) {
  test(`${sabotage.title}: noticed`, async () => {
    const build = { flags: FLAGS.plain, change: changeIn(sabotage) }
    const program = await buildProgram(`crash/${sabotage.program}-test`, build)
    const { output, status } = await runProgram(program, sabotage.args ?? [])
    // It may even crash: what it said before counts.
    assert.is.not(status, 0, output)
    assert.match(output, /FAILED|acknowledged \d|a failure was not told|did not latch/)
  })
}

test.run()
