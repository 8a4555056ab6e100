/**
 * CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected): the checksum of every part of the format.
 * The native layer has its own, with the processor's instruction; this one is for tools that only
 * read files.
 */

/** `TABLES[k]![b]`: what the byte b becomes when k more bytes follow it. */
const TABLES: readonly Int32Array[] = (() => {
  const tables = [Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f6_3b78 : 0)
    return value
  })]
  for (let k = 1; k < 8; k++) {
    tables.push(tables[k - 1]!.map((value) => (value >>> 8) ^ tables[0]![value & 0xff]!))
  }
  return tables
})()
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array]

/**
 * The checksum of `bytes` behind what `seed` is the checksum of; 0 to begin with. Inverts on entry
 * and on exit: crc32c(0, '123456789') is 0xE3069283. Eight bytes at a time (slicing by 8, Kounavis
 * and Berry, 2005).
 */
export function crc32c(seed: number, bytes: Uint8Array): number {
  let value = ~seed
  let i = 0
  for (const end = bytes.length - 7; i < end; i += 8) {
    value ^= bytes[i]! | bytes[i + 1]! << 8 | bytes[i + 2]! << 16 | bytes[i + 3]! << 24
    value = T7[value & 0xff]! ^ T6[value >>> 8 & 0xff]! ^ T5[value >>> 16 & 0xff]!
      ^ T4[value >>> 24]! ^ T3[bytes[i + 4]!]! ^ T2[bytes[i + 5]!]! ^ T1[bytes[i + 6]!]!
      ^ T0[bytes[i + 7]!]!
  }
  for (; i < bytes.length; i++) value = T0[(value ^ bytes[i]!) & 0xff]! ^ (value >>> 8)
  return ~value >>> 0
}

/** What is stored for a page: never 0, which stands for a page that was never written. */
export const pageChecksum = (page: Uint8Array): number => crc32c(0, page) || 1
