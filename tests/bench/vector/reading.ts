/**
 * What `get` costs beside a typed array, for three kinds of elements, in a program that uses all
 * kinds: the engine must not mix them up. Also beside a typed array with the elements as far apart
 * as tags keep them in a vector. Loops are written out, because each is to be compiled for what it
 * reads.
 */
import { join } from 'node:path'
import { SharedVector, t } from '../../../lib/index.js'

/** Nanoseconds for an element. */
export interface Reading {
  readonly kind: string
  readonly vector: number
  readonly typedArray: number
  readonly strided: number
}

const COUNT = 100_000
const TURNS = 200

const USED = [
  [t.u8, Uint8Array], [t.i8, Int8Array], [t.u16, Uint16Array], [t.i16, Int16Array],
  [t.u32, Uint32Array], [t.i32, Int32Array], [t.f32, Float32Array], [t.f64, Float64Array],
  [t.bool, Uint8Array],
] as const

/** Every kind, read in one and the same loop. */
function useAll(directory: string): void {
  for (const [i, [type, array]] of USED.entries()) {
    using vector = SharedVector.create<any, any>(join(directory, `all${i}`), type as never,
      { capacity: '1MiB' })
    vector.pushMany(new array(COUNT / 10).fill(1))
    for (let turn = 0; turn < 20; turn++) {
      for (let k = 0; k < COUNT / 10; k++) {
        if (Number(vector.get(k)) !== 1) throw new Error('wrong element')
      }
    }
  }
}

/** Medians, in turns. */
function compare(
  kind: string, ofVector: () => number, ofArray: () => number, ofStrided: () => number,
): Reading {
  const runs = [ofVector, ofArray, ofStrided]
  const times = runs.map((): number[] => [])
  for (let turn = 0; turn < TURNS; turn++) {
    const sums = runs.map((run, i) => {
      const began = performance.now()
      const sum = run()
      times[i]!.push(performance.now() - began)
      return sum
    })
    if (sums.some((sum) => sum !== sums[0])) throw new Error(`${kind}: wrong sum`)
  }
  const [vector, typedArray, strided] = times.map((all) =>
    all.sort((a, b) => a - b)[TURNS >> 1]! / COUNT * 1e6) as [number, number, number]
  return { kind, vector, typedArray, strided }
}

export function readings(directory: string): Reading[] {
  useAll(directory)
  const place = (name: string): string => join(directory, name)
  using doubles = SharedVector.create(place('f64'), t.f64, { capacity: '4MiB' })
  using integers = SharedVector.create(place('i32'), t.i32, { capacity: '4MiB' })
  using bytes = SharedVector.create(place('u8'), t.u8, { capacity: '4MiB' })
  const doubleArray = Float64Array.from({ length: COUNT }, (_, i) => i + 0.5)
  const integerArray = Int32Array.from({ length: COUNT }, (_, i) => -i)
  const byteArray = Uint8Array.from({ length: COUNT }, (_, i) => i)
  const doubleCells = new Float64Array(2 * COUNT)
  const integerCells = new Int32Array(2 * COUNT)
  const byteCells = new Uint8Array(8 * COUNT)
  for (let i = 0; i < COUNT; i++) {
    doubleCells[i << 1] = doubleArray[i]!
    integerCells[i << 1] = integerArray[i]!
    byteCells[i << 3] = byteArray[i]!
  }
  doubles.pushMany(doubleArray)
  integers.pushMany(integerArray)
  bytes.pushMany(byteArray)
  return [
    compare('f64', () => {
      let sum = 0
      for (let i = 0; i < COUNT; i++) sum += doubles.get(i)!
      return sum
    }, () => {
      let sum = 0
      for (let i = 0; i < COUNT; i++) sum += doubleArray[i]!
      return sum
    }, () => {
      let sum = 0
      for (let i = 0; i < COUNT; i++) sum += doubleCells[i << 1]!
      return sum
    }),
    compare('i32', () => {
      let sum = 0
      for (let i = 0; i < COUNT; i++) sum += integers.get(i)!
      return sum
    }, () => {
      let sum = 0
      for (let i = 0; i < COUNT; i++) sum += integerArray[i]!
      return sum
    }, () => {
      let sum = 0
      for (let i = 0; i < COUNT; i++) sum += integerCells[i << 1]!
      return sum
    }),
    compare('u8', () => {
      let sum = 0
      for (let i = 0; i < COUNT; i++) sum += bytes.get(i)!
      return sum
    }, () => {
      let sum = 0
      for (let i = 0; i < COUNT; i++) sum += byteArray[i]!
      return sum
    }, () => {
      let sum = 0
      for (let i = 0; i < COUNT; i++) sum += byteCells[i << 3]!
      return sum
    }),
  ]
}
