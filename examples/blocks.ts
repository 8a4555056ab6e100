/** The README's program with block regions. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool, Region, t } from 'rstore'

const folder = mkdtempSync(join(tmpdir(), 'rstore-blocks-'))
const file = Region.create(join(folder, 'kept.region'), { capacity: '16MiB' })

// README: begin
const Word = t.struct('Word', { text: t.string, count: t.u32, next: t.optional(t.self) })

const scratch = Pool.default.region()
const words = scratch.map('words', t.string, Word)
for (const text of 'a rose is a rose is a rose'.split(' ')) {
  words.update(text, (old) => ({ text, count: (old?.count ?? 0) + 1 }))
}
words.get('a')!.next = words.get('rose')!

file.transact(() => scratch.evacuate(file))
scratch.free()
// README: end

assert.equal(file.map('words', t.string, Word).get('a')?.next?.count, 3)
assert.equal(Pool.default.stats().blocksLive, 0)
file.close()
rmSync(folder, { recursive: true })
