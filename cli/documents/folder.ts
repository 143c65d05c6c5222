/**
 * Documents of a folder: every YAML and JSON file of it and below, each document checked as control would
 * check it, so that a whole folder is refused before anything of it is done. Two of a name are a fault.
 */
import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { z } from 'zod'
import { type AnyDocument, anyDocument } from '#wire/document.ts'
import type { Desk } from '../desk.ts'
import { Failure, usage } from '../failure.ts'
import { readDocuments } from '../files.ts'

const filesMax = 2_000
const faultsShown = 20

export interface Placed {
  readonly document: AnyDocument
  readonly where: string
}

/** Apps first, then freezes, then releases: in the order in which they can be done. */
export async function documentsIn(desk: Desk, paths: readonly string[]): Promise<Placed[]> {
  const placed: Placed[] = []
  const faults: string[] = []
  const places = new Map<string, string>()
  for (const file of paths.flatMap((path) => filesOf(desk, path))) {
    for (const { value, where } of await readDocuments(desk, file)) {
      const read = anyDocument.safeParse(value)
      if (!read.success) {
        faults.push(...read.error.issues.map((issue) => `${where}: ${issueWords(issue)}`))
        continue
      }
      const name = nameOf(read.data)
      const before = places.get(name)
      if (before) faults.push(`${where}: ${name} is in ${before} already`)
      places.set(name, where)
      placed.push({ document: read.data, where })
    }
  }
  if (faults.length > 0) {
    throw new Failure({
      ending: 'usage',
      what: `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'} in the documents; nothing was done`,
      why: faults.slice(0, faultsShown),
      fix: 'The schemas are at /v1/schemas/document.json; docs/declarative.md shows one of each kind.',
    })
  }
  if (placed.length === 0) throw usage(`no documents in ${paths.join(', ')}`)
  return placed.toSorted((a, b) => order[a.document.kind] - order[b.document.kind])
}

const order = { App: 0, Freeze: 1, Release: 2 } as const

export const nameOf = ({ kind, metadata }: AnyDocument): string => `${kind} ${metadata.name}`

const issueWords = ({ path, message }: z.core.$ZodIssue): string =>
  path.length > 0 ? `${path.join('.')}: ${message}` : message

function filesOf(desk: Desk, path: string): string[] {
  if (path === '-') return [path]
  const full = resolve(desk.folder, path)
  try {
    if (!statSync(full).isDirectory()) return [path]
  } catch (error) {
    throw usage(`${path} cannot be read: ${(error as Error).message}`)
  }
  const files = readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ya?ml|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/[/\\](\.|node_modules[/\\])/.test(file.slice(full.length)))
    .sort()
  if (files.length > filesMax) throw usage(`${path} holds more than ${filesMax} files`)
  if (files.length === 0) throw usage(`${path} holds no .yaml, .yml or .json files`)
  return files
}

/** `team=web,tier`: all of them hold. */
export function selectorOf(text: string): (document: AnyDocument) => boolean {
  const wanted = text.split(',').map((part) => {
    const match = /^\s*([A-Za-z0-9._/-]+)\s*(?:==?\s*([A-Za-z0-9._-]*))?\s*$/.exec(part)
    if (!match)
      throw usage(`"${text}" selects nothing`, 'Say -l team=web or -l team=web,tier=front.')
    return { key: match[1]!, value: match[2] }
  })
  return ({ metadata }) =>
    wanted.every(({ key, value }) => {
      const held = metadata.labels?.[key]
      return held !== undefined && (value === undefined || held === value)
    })
}
