/**
 * One damaged file after the other: `inspect`, `verify`, `repair` and a scan end, in time and in
 * bounded memory, with a result or an error that says what is wrong; what is called sound is what
 * it was, and what was saved is sound.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { verification } from '../../cli/commands/verify.js'
import { inspectionText } from '../../cli/print/inspection.js'
import { NotReadable } from '../../cli/read/identity.js'
import { inspectRegion } from '../../cli/read/inspection.js'
import { readRegion } from '../../cli/read/region.js'
import { readWreckage } from '../../cli/read/wreckage.js'
import { Packed, Region, RStoreError, salvage, type ReadOnlyRegion } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { damaged, randomOf } from './damage.js'
import { contentOf, makeSpecimens, type Specimen } from './specimens.js'

/** Processor time, more than any machine takes for files of half a megabyte. */
const LIMIT_MS = 10_000
const LIMIT_BYTES = 1 << 30
const ENDS = ['', '-wal', '-lock']

type Outcome = 'sound' | 'damaged' | 'refused'

/** What is not said in plain words is a crash. */
function checkError(error: unknown): void {
  const isSystemError = error instanceof Error && 'syscall' in error
  if (error instanceof RStoreError || error instanceof NotReadable || isSystemError) return
  throw error
}

function inspect(path: string): void {
  try {
    inspectionText(readRegion(path, inspectRegion))
  } catch (error) {
    checkError(error)
  }
}

async function verify(path: string): Promise<Outcome> {
  try {
    return (await verification(path)).ok ? 'sound' : 'damaged'
  } catch (error) {
    checkError(error)
    return 'refused'
  }
}

/** What is saved is sound. */
async function repair(path: string): Promise<void> {
  const out = `${path}-saved`
  rmSync(out, { force: true })
  try {
    const { image } = readWreckage(path)
    await salvage(out, image, { capacity: 2 ** 26, like: path })
  } catch (error) {
    checkError(error)
    return
  }
  const { ok, problems } = await verification(out)
  if (!ok) throw new Error(`what was saved is damaged: ${problems[0]!.message}`)
}

function scan(path: string, { kind }: Specimen): string | undefined {
  let region: Packed | ReadOnlyRegion | undefined
  try {
    region = kind === 'packed' ? Packed.load(path) : Region.open(path, { readOnly: true })
    return contentOf(region as never)
  } catch (error) {
    checkError(error)
    return undefined
  } finally {
    region?.close()
  }
}

export class Fuzzing {
  readonly counts: Record<Outcome, number> = { sound: 0, damaged: 0, refused: 0 }
  private readonly specimens = makeSpecimens()
  private readonly path = join(temporaryDirectory(), 'damaged.region')

  /** Throws, with the seed, when anything is not as it must be. */
  async run(seed: number): Promise<void> {
    const random = randomOf(seed)
    const specimen = this.specimens[random(this.specimens.length)]!
    const ends = [...specimen.files.keys()]
    const end = ends[random(2) === 0 ? 0 : random(ends.length)]!
    const { bytes, how } = damaged(specimen.files.get(end)!, random)
    const write = (): void => {
      for (const old of ENDS) rmSync(this.path + old, { force: true })
      for (const [name, content] of specimen.files) {
        writeFileSync(this.path + name, name === end ? bytes : content)
      }
    }
    try {
      await this.look(specimen, end === '-wal', write)
    } catch (cause) {
      const what = `seed ${seed}: ${how} of ${specimen.name}${end}`
      throw new Error(`${what}: ${(cause as Error).stack}`, { cause })
    }
  }

  private async look(
    specimen: Specimen, isLog: boolean, write: () => void,
  ): Promise<void> {
    const begun = process.cpuUsage()
    const before = process.memoryUsage().rss
    write()
    inspect(this.path)
    const outcome = await verify(this.path)
    this.counts[outcome]++
    if (existsSync(`${this.path}.tmp`)) throw new Error('a temporary file was left')
    write()
    await repair(this.path)
    const content = scan(this.path, specimen)
    const isRight = content === specimen.content
      || (isLog && content !== undefined && specimen.earlier.has(content))
    if (outcome === 'sound' && !isRight) {
      throw new Error(`called sound, but it holds ${content?.slice(0, 500) ?? 'nothing'}`)
    }
    const { user, system } = process.cpuUsage(begun)
    const ms = (user + system) / 1000
    if (ms > LIMIT_MS) throw new Error(`took ${Math.round(ms)} ms`)
    const grown = process.memoryUsage().rss - before
    if (grown > LIMIT_BYTES) throw new Error(`took ${grown} bytes`)
  }
}
