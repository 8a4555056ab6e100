/** The README's packed regions and stores. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Store, t } from 'rstore'

const folder = mkdtempSync(join(tmpdir(), 'rstore-packed-'))

// README: begin
const Page = t.struct('Page', { title: t.string, words: t.map(t.string, t.u32) })
const Shelf = t.struct('Shelf', { page: t.optional(t.packed(Page)) })

const store = Store.open(folder, { create: true })
const page = store.pack(null, { root: Page }, (_region, root) => {
  root.title = 'Oslo'
  root.words.set('fjord', 3)
  return root
})!
const shelves = store.region('library').map('shelves', t.string, Shelf)
store.region('library').transact(() => shelves.set('north', { page }))
page.close()
shelves.get('north')!.page!.words.get('fjord')          // 3: loaded when the field is read
store.release('something')                              // false: no region has that name
store.close()
// README: end

const again = Store.open(folder)
const kept = again.region('library').map('shelves', t.string, Shelf)
assert.equal(kept.get('north')!.page!.words.get('fjord'), 3)
assert.equal(again.list().length, 2)
again.region('library').transact(() => kept.delete('north'))
again.close()
const last = Store.open(folder)
assert.deepEqual(last.list().map(({ kind }) => kind), ['live'])
last.close()
rmSync(folder, { recursive: true })
