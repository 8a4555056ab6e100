/**
 * `npm run docs`: the API reference, docs/api, out of the docstrings of what lib/index.ts exports.
 * By typedoc, with TypeScript 5.9: TypeScript 7 has no programming interface yet.
 */
import { rmSync } from 'node:fs'
import { at, run, runMain } from '../native/tools.mjs'
import { binary, installTools, inTools } from './install.mjs'

/** Into a folder that is made anew. */
export function writeDocs(folder) {
  rmSync(folder, { recursive: true, force: true })
  run('typedoc', binary('typedoc'), ['--options', inTools('typedoc.json'), '--out', folder], () =>
    'What is exported needs a docstring that typedoc understands.')
}

if (process.argv[1] === inTools('docs.mjs')) {
  runMain(() => {
    installTools()
    writeDocs(at('docs', 'api'))
  })
}
