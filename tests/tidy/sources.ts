/** The sources as text, and what imports what. */
import { readFileSync, readdirSync } from 'node:fs'
import { join, posix } from 'node:path'
import { ROOT } from '../harness/paths.js'

export interface Source { path: string; text: string }

/**
 * Sources of ours below these folders with one of these ends; generated and installed ones left
 * out.
 */
export function sourcesIn(folders: readonly string[], ends: readonly string[]): Source[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .map((name) => posix.join(folder, name)))
    .filter((path) => ends.some((end) => path.endsWith(end)))
    .filter((path) => !/node_modules|\/generated\/|\/build\//.test(path))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

const FROM = /^\s*(?:import|export)\s(type\s)?[^'"]*?\sfrom\s+'([^']+)'/gm
const BARE = /^\s*import\s+'([^']+)'/gm
const DYNAMIC = /\bimport\('([^']+)'\)/g

export interface Import { to: string; typeOnly: boolean }

/**
 * What a TypeScript source imports: files of ours from the top of the checkout, packages by name.
 */
export function importsOf({ path, text }: Source): Import[] {
  const resolved = (name: string): string => name.startsWith('.')
    ? posix.join(posix.dirname(path), name).replace(/\.js$/, '.ts')
    : name
  const from = [...text.matchAll(FROM)].map(([, type, name]) =>
    ({ to: resolved(name!), typeOnly: type !== undefined }))
  const others = [...text.matchAll(BARE), ...text.matchAll(DYNAMIC)].map(([, name]) =>
    ({ to: resolved(name!), typeOnly: false }))
  return [...from, ...others]
}

/** The lines, counted from 1, that a test finds something in. */
export function linesWhere({ path, text }: Source, wrong: (line: string) => boolean): string[] {
  return text.split('\n').flatMap((line, index) => wrong(line) ? [`${path}:${index + 1}`] : [])
}
