/** The project's own source files, their lines, and what they import. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

export interface Source {
  /** From the project's root, with `/`. */
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
}

export interface Import {
  readonly source: Source
  readonly line: number
  readonly specifier: string
  /** Path from the root, a package's name, or `node:…`. */
  readonly target: string
  /** Nothing is left of it when the program runs. */
  readonly isType: boolean
}

export const root = resolve(import.meta.dirname, '../..')
const folders = [
  'wire',
  'router-wasm',
  'cli',
  'control',
  'agent',
  'bench',
  'deploy',
  'test',
  'docs',
]
const skipped = new Set(['node_modules', 'build', 'results'])

export function sources(extensions: readonly string[]): Source[] {
  const found: Source[] = []
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name) && !entry.name.startsWith('.')) walk(path)
      } else if (extensions.some((extension) => entry.name.endsWith(extension))) {
        found.push(read(path))
      }
    }
  }
  for (const folder of folders) walk(folder)
  return found
}

export function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  return { path, text, lines: text.split('\n') }
}

const importPattern =
  /(?:^|[\s;}])(?:import|export)\s(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g

export function importsOf(source: Source): Import[] {
  const found: Import[] = []
  for (const match of source.text.matchAll(importPattern)) {
    const specifier = match[1] ?? match[2]!
    const [statement] = match
    const at = match.index + statement.search(/\S/)
    const line = source.text.slice(0, at).split('\n').length
    const isType = /^\W*(?:import|export)\s+type\s/.test(statement)
    found.push({ source, line, specifier, target: targetOf(source, specifier), isType })
  }
  return found
}

function targetOf(source: Source, specifier: string): string {
  if (specifier.startsWith('#wire/')) return `wire/${specifier.slice('#wire/'.length)}`
  if (specifier.startsWith('#router/')) return `router-wasm/${specifier.slice('#router/'.length)}`
  if (!specifier.startsWith('.')) return specifier
  return relative(root, resolve(root, source.path, '..', specifier)).replaceAll('\\', '/')
}

/** Code without comments and strings, line by line, so that words in sentences are not code. */
export function codeLines(source: Source): string[] {
  const blank = (text: string) => text.replace(/[^\n]/g, ' ')
  return source.text
    .replace(
      /\/\*[\s\S]*?\*\/|(?<![:'"`\\])\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g,
      blank,
    )
    .split('\n')
}
