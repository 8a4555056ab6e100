/** The part of the addon that shared vectors use. */
import { addon, type PackedStatus } from '../native/binding.js'

/** What opening found out; the operations are there when `status` is 0. */
export interface OpenedVector {
  status: PackedStatus
  storedType: string
  typeDiffers: boolean
  unflushed: boolean
  recovered: boolean
  flushedSize: number
  foundSize: number
  /** A ControlBlock and a VectorCall; detached by close(), as are the windows. */
  control: ArrayBuffer
  call: ArrayBuffer
  /** Elements. */
  capacity: number
  push(): void
  pop(): void
  set(): void
  compareAndSet(): void
  size(): void
  provided(): void
  reserve(): void
  pushMany(elements: ArrayBufferView): void
  copyOut(elements: ArrayBufferView): void
}

export interface NativeVector {
  open(
    path: string, type: string, acceptUnflushed: boolean, timeoutMs: number,
  ): OpenedVector
  /** Cells from `index` * WINDOW_BYTES on, at most so many bytes. */
  window(index: number, bytes: number): ArrayBuffer
  flush(): Promise<PackedStatus>
  /** A number for cancelWait, or less than 0: the status, negated, of a thread not to be had. */
  wait(size: number, done: (status: PackedStatus, reached: boolean) => void): number
  cancelWait(id: number): void
  close(): void
}

interface VectorAddon {
  Vector: new () => NativeVector
  createVector(
    path: string, cellsBytes: number, elementBytes: number, type: string, mode: number,
  ): PackedStatus
}

export const vectorAddon = (): VectorAddon => addon() as unknown as VectorAddon
