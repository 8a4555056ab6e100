/**
 * CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected): the checksum of every part of the format.
 * The native layer has its own, with the processor's instruction; this one is for tools that only
 * read files.
 */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f6_3b78 : 0)
  return value
})

/**
 * The checksum of `bytes` behind what `seed` is the checksum of; 0 to begin with. Inverts on entry
 * and on exit: crc32c(0, '123456789') is 0xE3069283.
 */
export function crc32c(seed: number, bytes: Uint8Array): number {
  let value = ~seed
  for (let i = 0; i < bytes.length; i++) {
    value = TABLE[(value ^ bytes[i]!) & 0xff]! ^ (value >>> 8)
  }
  return ~value >>> 0
}

/** What is stored for a page: never 0, which stands for a page that was never written. */
export const pageChecksum = (page: Uint8Array): number => crc32c(0, page) || 1
