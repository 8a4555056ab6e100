/**
 * Puts the compiled files together into what the package ships, dist/bundle: loading one file takes
 * a third of the time that loading 180 takes, in every process and thread.
 *
 *   rstore.js   the library, in one file
 *   main.js     the command; what one command needs is in files that it loads
 *   client.js   what `inspect --html` puts into its page
 *
 * Not minified, and each part begins with the name of its source: stack traces can be read. Tests
 * import the files one by one, so that they get at what is inside; no program may load both.
 */
import { readdirSync, rmSync } from 'node:fs'
import { build } from 'esbuild'
import { at } from './tools.mjs'

/** The command imports the library's file, as other programs do. */
const libraryApart = {
  name: 'library apart',
  setup: ({ onResolve }) => onResolve({ filter: /\/lib\/index\.js$/ }, ({ kind }) =>
    kind === 'entry-point' ? undefined : { path: './rstore.js', external: true }),
}

/** @returns the paths of the files that were written, from dist */
async function bundle(entryPoints) {
  const { metafile } = await build({
    entryPoints, absWorkingDir: at('dist'), outdir: 'bundle', plugins: [libraryApart],
    bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20.19',
    packages: 'external', metafile: true,
  })
  return Object.keys(metafile.outputs)
}

const written = [
  ...await bundle({ rstore: './lib/index.js' }),
  ...await bundle({ main: './cli/main.js', client: './cli/html/client.js' }),
]
for (const name of readdirSync(at('dist', 'bundle'))) {
  if (!written.includes(`bundle/${name}`)) rmSync(at('dist', 'bundle', name))
}
