/**
 * Writes what is generated from the layouts: the C++ header and the tables of SPEC.md.
 *
 *   node dist/formats/generate.js            writes both
 *   node dist/formats/generate.js --check    fails when one of them is stale
 *
 * SPEC.md is prose written by hand around generated tables. A table stands between two comments:
 * `<!-- layout NAME -->` or `<!-- constants NAME NAME… -->` (a name may end in `*`), and `<!-- end
 * -->`. Every layout and every constant has to be in one of them.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as formats from './index.js'
import { constants } from './constants.js'
import type { Constant, Field, Layout } from './index.js'

const HEADER_PATH = new URL('../../native/src/core/generated/layout.h', import.meta.url)
const SPEC_PATH = new URL('../../formats/SPEC.md', import.meta.url)

const allConstants: Readonly<Record<string, Constant>> = constants

const isLayout = (value: unknown): value is Layout =>
  typeof value === 'object' && value !== null && 'fields' in value

export const allLayouts: readonly Layout[] = Object.values<unknown>(formats).filter(isLayout)

const hex = (value: number | bigint): string =>
  value >= 0x1_0000 ? `0x${value.toString(16)}` : String(value)

// ───────────────────────── C++ ─────────────────────────

/** `PAGE_BYTES` becomes `kPageBytes`. */
const constantName = (name: string): string =>
  'k' + name.split('_').map((word) => word[0]! + word.slice(1).toLowerCase()).join('')

function headerConstant([name, { value, doc }]: [string, Constant]): string {
  const type = typeof value === 'bigint' ? 'uint64_t' : 'uint32_t'
  const suffix = typeof value === 'bigint' ? 'ull' : 'u'
  return `/// ${doc}\ninline constexpr ${type} ${constantName(name)} = ${hex(value)}${suffix};\n`
}

function headerMember([name, field]: [string, Field]): string {
  const scalar = field.type === 'zeros' || field.type === 'bytes' ? 'u8' : field.type
  const type = `uint${scalar.slice(1)}_t`
  const isArray = field.type === 'zeros' || field.type === 'bytes' || field.count > 1
  return `  /// ${field.doc}\n  ${type} ${name}${isArray ? `[${field.count}]` : ''};\n`
}

function headerStruct({ name, bytes, doc, fields }: Layout): string {
  const members = Object.entries(fields).map(headerMember).join('')
  const proofs = Object.entries(fields).map(([field, { offset }]) =>
    `static_assert(offsetof(${name}, ${field}) == ${offset});\n`)
  return `/// ${doc}\nstruct ${name} {\n${members}};\n`
    + `static_assert(sizeof(${name}) == ${bytes});\n`
    + `static_assert(std::is_trivially_copyable_v<${name}>);\n`
    + `static_assert(std::is_standard_layout_v<${name}>);\n`
    + proofs.join('')
}

export function generateHeader(): string {
  return `// Generated from formats/*.ts by formats/generate.ts. Do not edit.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

static_assert(std::endian::native == std::endian::little, "rstore files are little-endian");

namespace rstore {

${Object.entries(allConstants).map(headerConstant).join('\n')}
${allLayouts.map(headerStruct).join('\n')}
}  // namespace rstore
`
}

// ───────────────────────── SPEC.md ─────────────────────────

const cell = (text: string): string => text.replaceAll('|', '\\|')

function typeText({ type, count }: Field): string {
  if (type === 'zeros') return 'zero'
  return type === 'bytes' || count === 1 ? type : `${type} × ${count}`
}

function layoutTable({ name, bytes, doc, fields }: Layout): string {
  const rows = Object.entries(fields).map(([field, value]) =>
    `| ${value.offset} | ${value.bytes} | ${typeText(value)} | \`${field}\` | ${cell(value.doc)} |`)
  return `**${name}**, ${bytes.toLocaleString('en')} bytes. ${doc}\n\n`
    + `| offset | bytes | type | field | meaning |\n|---:|---:|---|---|---|\n${rows.join('\n')}`
}

function constantTable(names: readonly string[]): string {
  const rows = names.map((name) => {
    const { value, doc } = allConstants[name]!
    return `| \`${name}\` | ${hex(value)} | ${cell(doc)} |`
  })
  return `| name | value | meaning |\n|---|---:|---|\n${rows.join('\n')}`
}

function namesMatching(pattern: string): string[] {
  const names = Object.keys(allConstants).filter((name) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern)
  if (names.length === 0) throw new Error(`SPEC.md asks for ${pattern}, which is no constant`)
  return names
}

/** The specification with its tables renewed. Throws when a layout or a constant is in no table. */
export function generateSpec(current: string): string {
  const missing = new Set([...allLayouts.map(({ name }) => name), ...Object.keys(allConstants)])
  const table = (kind: string, subject: string): string => {
    const names = kind === 'layout' ? [subject] : subject.split(' ').flatMap(namesMatching)
    for (const name of names) missing.delete(name)
    if (kind === 'constants') return constantTable(names)
    const layout = allLayouts.find(({ name }) => name === subject)
    if (layout === undefined) throw new Error(`SPEC.md asks for ${subject}, which is no layout`)
    return layoutTable(layout)
  }
  const next = current.replace(
    /(<!-- (layout|constants) (.+?) -->\n)[^]*?(<!-- end -->)/g,
    (_, open: string, kind: string, subject: string, end: string) =>
      `${open}${table(kind, subject)}\n${end}`)
  if (missing.size > 0) throw new Error(`SPEC.md has no table for ${[...missing].join(', ')}`)
  return next
}

// ───────────────────────── the program ─────────────────────────

const readIfThere = (path: URL): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** The generated files that differ from what the layouts say now, with what they should hold. */
export function staleFiles(): { path: string; content: string }[] {
  const spec = readIfThere(SPEC_PATH)
  const files = [
    { url: HEADER_PATH, content: generateHeader() },
    { url: SPEC_PATH, content: generateSpec(spec) },
  ]
  return files
    .filter(({ url, content }) => readIfThere(url) !== content)
    .map(({ url, content }) => ({ path: fileURLToPath(url), content }))
}

function main(): void {
  const stale = staleFiles()
  if (!process.argv.includes('--check')) {
    for (const { path, content } of stale) writeFileSync(path, content)
    return
  }
  for (const { path } of stale) console.error(`${path} is stale: run node dist/formats/generate.js`)
  if (stale.length > 0) process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
