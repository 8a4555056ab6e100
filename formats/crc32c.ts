/**
 * CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected): the checksum of every part of the format.
 * The native layer has its own, with the processor's instruction; this one is for tools that only
 * read files.
 */

/** `TABLES[k << 8 | b]`: what the byte b becomes when k more bytes follow it. */
const TABLES = new Int32Array(8 << 8)

/** At first use: most programs leave checksums to the native layer. */
function makeTables(): void {
  for (let byte = 0; byte < 256; byte++) {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f6_3b78 : 0)
    TABLES[byte] = value
  }
  for (let i = 256; i < TABLES.length; i++) {
    const value = TABLES[i - 256]!
    TABLES[i] = (value >>> 8) ^ TABLES[value & 0xff]!
  }
}

/**
 * The checksum of `bytes` behind what `seed` is the checksum of; 0 to begin with. Inverts on entry
 * and on exit: crc32c(0, '123456789') is 0xE3069283. Eight bytes at a time (slicing by 8, Kounavis
 * and Berry, 2005).
 */
export function crc32c(seed: number, bytes: Uint8Array): number {
  if (TABLES[1] === 0) makeTables()
  const t = TABLES
  let value = ~seed
  let i = 0
  for (const end = bytes.length - 7; i < end; i += 8) {
    value ^= bytes[i]! | bytes[i + 1]! << 8 | bytes[i + 2]! << 16 | bytes[i + 3]! << 24
    value = t[0x700 | value & 0xff]! ^ t[0x600 | value >>> 8 & 0xff]!
      ^ t[0x500 | value >>> 16 & 0xff]! ^ t[0x400 | value >>> 24]!
      ^ t[0x300 | bytes[i + 4]!]! ^ t[0x200 | bytes[i + 5]!]!
      ^ t[0x100 | bytes[i + 6]!]! ^ t[bytes[i + 7]!]!
  }
  for (; i < bytes.length; i++) value = t[(value ^ bytes[i]!) & 0xff]! ^ (value >>> 8)
  return ~value >>> 0
}

/** What is stored for a page: never 0, which stands for a page that was never written. */
export const pageChecksum = (page: Uint8Array): number => crc32c(0, page) || 1
