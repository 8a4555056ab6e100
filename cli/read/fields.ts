/** The fields of a layout, read from bytes by their names. */
import type { Field, Fields, Layout } from '../../formats/index.js'

export class FieldReader<F extends Fields> {
  private readonly data: DataView

  /** @param bytes the layout's bytes, from `offset` on; they stay the caller's */
  constructor(private readonly layout: Layout<F>, bytes: Uint8Array, offset = 0) {
    this.data = new DataView(bytes.buffer, bytes.byteOffset + offset, layout.bytes)
  }

  private field(name: keyof F): Field {
    return this.layout.fields[name]!
  }

  /** An element of a field of at most 32 bits. */
  u32(name: keyof F, index = 0): number {
    const { type, offset } = this.field(name)
    if (type === 'u8') return this.data.getUint8(offset + index)
    if (type === 'u16') return this.data.getUint16(offset + index * 2, true)
    return this.data.getUint32(offset + index * 4, true)
  }

  /** An element of a field of 64 bits. */
  u64(name: keyof F, index = 0): bigint {
    return this.data.getBigUint64(this.field(name).offset + index * 8, true)
  }

  /** A field of 64 bits as a number: exact up to 2^53, which no sound file exceeds. */
  number(name: keyof F): number {
    return Number(this.u64(name))
  }

  /** A field of bytes, in place. */
  raw(name: keyof F): Uint8Array {
    const { offset, bytes } = this.field(name)
    return new Uint8Array(this.data.buffer, this.data.byteOffset + offset, bytes)
  }

  hex(name: keyof F): string {
    return Buffer.from(this.raw(name)).toString('hex')
  }

  /** Names of paddings that are not zero. */
  wrongPaddings(): string[] {
    return Object.entries<Field>(this.layout.fields)
      .filter(([name, { type }]) => type === 'zeros' && this.raw(name).some((byte) => byte !== 0))
      .map(([name]) => `${this.layout.name}.${name}`)
  }

  /** The bytes of the layout up to a field: what the checksum in it is of. */
  before(name: keyof F): Uint8Array {
    return new Uint8Array(this.data.buffer, this.data.byteOffset, this.field(name).offset)
  }
}
