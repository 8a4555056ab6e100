import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { crc32c } from '../../formats/index.js'

const test = suite('crc32c')

test('published values', () => {
  assert.is(crc32c(0, Buffer.from('123456789')), 0xe306_9283)
  assert.is(crc32c(0, Buffer.alloc(32)), 0x8a91_36aa)
  assert.is(crc32c(0, Buffer.alloc(32, 0xff)), 0x62a8_ab43)
  assert.is(crc32c(0, Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd_794e)
})

test('calls chain', () => {
  assert.is(crc32c(crc32c(0, Buffer.from('1234')), Buffer.from('56789')), 0xe306_9283)
  assert.is(crc32c(7, Buffer.alloc(0)), 7)
})

test.run()
