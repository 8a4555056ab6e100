/** `rstore upgrade`: for files of an older format version, as far as there are any. */
import type { Argv } from 'yargs'
import { C } from '../../formats/index.js'
import { safeJson } from '../print/json.js'
import { print } from '../print/output.js'
import { ByteFile } from '../read/file.js'
import { readIdentity } from '../read/identity.js'
import { Problems } from '../read/problems.js'
import type { ArgumentsOf } from '../shared/command.js'
import { jsonOption } from '../shared/options.js'
import { FILE } from '../shared/options.js'
import { fileAt } from '../shared/source.js'

export const options = (yargs: Argv) => jsonOption(yargs, 'One JSON document')
  .positional('file', FILE)
  .example('$0 upgrade cities.region', 'Says which version it is of, and whether it has to be')

/** Format 1 is the first, and all that there is: a file that can be read needs no upgrade. */
export async function run({ file, json }: ArgumentsOf<typeof options>): Promise<void> {
  const bytes = ByteFile.open(await fileAt(file))
  try {
    const { formatVersion } = readIdentity(bytes, new Problems())
    const newest = C.FORMAT_VERSION
    print(json ? safeJson({ formatVersion, newest, upgraded: false }, 2)
      : `Format version ${formatVersion}, the newest there is: nothing to do.`)
  } finally {
    bytes.close()
  }
}
