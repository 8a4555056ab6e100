/** `rstore vector`: a shared vector, which processes may be pushing to meanwhile. */
import type { Argv } from 'yargs'
import { SharedVector, typeFromDescriptor } from '../../lib/index.js'
import { safeJson } from '../print/json.js'
import { LineWriter, print } from '../print/output.js'
import { withProgress, type Progress } from '../print/progress.js'
import { pairLines } from '../print/table.js'
import { formatCount } from '../print/units.js'
import { inspectRegion } from '../read/inspection.js'
import { readRegion } from '../read/region.js'
import { textOfDescriptor } from '../read/type-text.js'
import type { ArgumentsOf } from '../shared/command.js'
import { UsageError } from '../shared/errors.js'
import { jsonFromText } from '../shared/keys.js'
import { jsonOption } from '../shared/options.js'

export const options = (yargs: Argv) => jsonOption(yargs, 'Size and room as JSON')
  .positional('file', { type: 'string', demandOption: true, describe: 'A shared vector' })
  .option('tail', {
    type: 'number', requiresArg: true, describe: 'The last so many elements, a line of JSON each',
  })
  .option('follow', {
    alias: 'f', type: 'boolean', default: false,
    describe: 'Then those that are pushed, until Ctrl-C',
  })
  .example('$0 vector samples.vector', 'Elements and room')
  .example('$0 vector samples.vector --tail 10 -f', 'The last ten, and what comes')

/** What JSON has no numbers for, as `rstore dump` writes it. */
function plain(_name: string, value: unknown): unknown {
  if (Object.is(value, -0)) return '-0'
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  return typeof value === 'bigint' ? String(value) : value
}

/** So often it is looked whether elements were popped, of which nobody is told. */
const LOOK_MS = 100

const PROGRESS_ELEMENTS = 4096

function writeFrom(
  vector: SharedVector<unknown, unknown>, from: number, to: number, progress?: Progress,
): void {
  const out = new LineWriter()
  for (let i = from; i < to; i++) {
    if ((i - from) % PROGRESS_ELEMENTS === 0) progress?.update(i - from, to - from)
    out.write(JSON.stringify(vector.get(i), plain) ?? 'null')
  }
  out.flush()
}

/**
 * What is pushed from now on, until it is full; also in the place of what was popped, unless that
 * happens between two looks. One that was popped again before it was its turn is null.
 */
async function follow(vector: SharedVector<unknown, unknown>, from: number): Promise<void> {
  for (let next = from; next < vector.capacity;) {
    await vector.waitForSize(next + 1, { timeoutMs: LOOK_MS })
    const { size } = vector
    writeFrom(vector, next, size)
    next = size
  }
}

export async function run(args: ArgumentsOf<typeof options>): Promise<void> {
  if (args.tail !== undefined && !(Number.isSafeInteger(args.tail) && args.tail >= 0)) {
    throw new UsageError('--tail: how many elements, from 0 on')
  }
  const { vector: shown } = readRegion(args.file, inspectRegion)
  if (shown === undefined) throw new UsageError(`${args.file} is not a shared vector`)
  if (args.tail === undefined && !args.follow) {
    const { type, size, capacityElements } = shown
    return print(args.json ? safeJson({ type, size, capacityElements }, 2) : pairLines([
      ['elements', `${formatCount(size)} of ${textOfDescriptor(type)}`],
      ['room', `for ${formatCount(capacityElements)}`],
    ]).join('\n'))
  }
  const type = jsonFromText(shown.type, 'the stored type') as string
  if (JSON.stringify(type).includes('{"ref":')) {
    throw new UsageError(`${args.file}: its elements name records of a packed region`)
  }
  const vector = SharedVector.open(args.file, typeFromDescriptor(type))
  try {
    const { size } = vector
    const from = Math.max(0, size - (args.tail ?? 10))
    await withProgress({ title: 'reading elements', printsLines: true }, (progress) =>
      writeFrom(vector, from, size, progress))
    if (args.follow) await follow(vector, size)
  } finally {
    vector.close()
  }
}
