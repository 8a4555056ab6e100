/** Types that the user declares: `--schema file.json`. */
import { readFileSync } from 'node:fs'
import type { DumpHead, NameSchema } from '../../lib/index.js'
import { UsageError } from '../shared/errors.js'
import { refuseFolder } from '../shared/files.js'

export const isHead = (json: unknown): json is DumpHead =>
  typeof json === 'object' && json !== null && 'rstore' in json && json.rstore === 'dump'

export const headOf = (schema: NameSchema): DumpHead =>
  ({ rstore: 'dump', version: 1, names: [schema] })

function parse(text: string, path: string): unknown {
  for (const part of [text, text.split('\n', 1)[0]!]) {
    try {
      return JSON.parse(part)
    } catch {
      continue
    }
  }
  throw new UsageError(`${path} is neither JSON, nor is its first line`)
}

/** `{"key": type, "value": type}`, or the first line of a dump that has the map. */
export function readSchema(path: string, map: string): NameSchema {
  refuseFolder(path)
  const json = parse(readFileSync(path, 'utf8'), path) as Partial<NameSchema> | DumpHead
  const found = isHead(json) ? Array.from(json.names ?? []).find((one) => one?.name === map) : json
  if (found?.key === undefined || found.value === undefined) {
    throw new UsageError(`${path} has no types for ${JSON.stringify(map)}: expected `
      + '{"key": type, "value": type}, or the first line of a dump')
  }
  return { name: map, kind: 'map', key: found.key, value: found.value }
}
