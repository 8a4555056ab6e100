/** What is measured: a SharedVector, an array behind a robust mutex, Atomics on shared memory. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { SharedVector, t } from '../../../lib/index.js'
import { inRoot } from '../../harness/paths.js'

export type Name = 'vector' | 'mutex' | 'atomics'

/** Something to append doubles to, opened by each thread and process for itself. */
export interface Contender {
  push(element: number): void
  pushMany(elements: Float64Array): void
  size(): number
  close(): void
}

/** Where the contenders of one run are. */
export interface Place {
  readonly path: string
  /** Room for so many elements. */
  readonly elements: number
  /** For Atomics: 8 bytes of size, then the elements. */
  readonly memory: SharedArrayBuffer | null
}

const ADDON = inRoot('build/vector-bench/mutex-array.node')
const SOURCE = inRoot('tests/bench/vector/mutex-array.cc')

/** Where node-gyp found the headers of Node when it built the addon. */
function headers(): string {
  const config = readFileSync(inRoot('native/build/config.gypi'), 'utf8')
  const found = /"nodedir": "([^"]+)"/.exec(config)
  if (found === null) throw new Error('config.gypi does not say where the headers of Node are')
  return join(found[1]!, 'include', 'node')
}

/** Compiles the addon with the mutex. */
export function buildMutexArray(): void {
  if (existsSync(ADDON) && statSync(ADDON).mtimeMs > statSync(SOURCE).mtimeMs) return
  mkdirSync(inRoot('build/vector-bench'), { recursive: true })
  const { status, stderr } = spawnSync(process.env['CXX'] ?? 'g++', [
    '-std=gnu++20', '-O3', '-shared', '-fPIC', '-pthread', `-I${headers()}`, SOURCE, '-o', ADDON,
  ], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the array with the mutex does not compile:\n${stderr}`)
}

interface MutexArray {
  open(path: string, bytes: number, element: Float64Array): void
  push(): void
  pushMany(elements: Float64Array): void
  size(): number
}

function mutexArray({ path, elements }: Place): Contender {
  const array = createRequire(import.meta.url)(ADDON) as MutexArray
  const element = new Float64Array(1)
  array.open(path, elements * 8 + 4096, element)
  return {
    push(value) {
      element[0] = value
      array.push()
    },
    pushMany: (values) => array.pushMany(values),
    size: () => array.size(),
    close: () => {},
  }
}

/** Threads only. An element may be read before it is there: nothing says when. */
function atomics({ memory }: Place): Contender {
  const size = new Int32Array(memory!, 0, 1)
  const array = new Float64Array(memory!, 8)
  return {
    push(value) {
      array[Atomics.add(size, 0, 1)] = value
    },
    pushMany(values) {
      array.set(values, Atomics.add(size, 0, values.length))
    },
    size: () => Atomics.load(size, 0),
    close: () => {},
  }
}

function vector({ path }: Place): Contender {
  const shared = SharedVector.open(path, t.f64)
  return {
    push(value) {
      shared.push(value)
    },
    pushMany: (values) => shared.pushMany(values),
    size: () => shared.size,
    close: () => shared.close(),
  }
}

/** Makes what is to be shared, before the members start. */
export function prepare(name: Name, { path, elements }: Place): void {
  if (name !== 'vector') return
  SharedVector.create(path, t.f64, { capacity: Math.max(elements * 16, 1 << 20) }).close()
}

export function open(name: Name, place: Place): Contender {
  if (name === 'vector') return vector(place)
  return name === 'mutex' ? mutexArray(place) : atomics(place)
}
