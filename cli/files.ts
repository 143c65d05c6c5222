/** Files of people: YAML or JSON, bounded, with the place of a fault; `-` is standard input. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { Desk } from './desk.ts'
import { usage } from './failure.ts'

const bytesMax = 16 * 1024 * 1024

export interface Held {
  readonly value: unknown
  /** `file`, or `file#2` for the second document of a file. */
  readonly where: string
}

export async function readText(desk: Desk, file: string): Promise<string> {
  if (file === '-') return desk.stdin()
  const path = resolve(desk.folder, file)
  try {
    if (statSync(path).size > bytesMax) throw new Error(`larger than ${bytesMax} bytes`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw usage(`${file} cannot be read: ${(error as Error).message}`)
  }
}

/** Every document in the file; empty ones are left out. JSON is YAML. */
export async function readDocuments(desk: Desk, file: string): Promise<Held[]> {
  const all = parseAllDocuments(await readText(desk, file), { maxAliasCount: 100 } as object)
  if (!Array.isArray(all)) return []
  return all.flatMap((document, n) => {
    const [fault] = document.errors
    if (fault)
      throw usage(`${file === '-' ? 'standard input' : file} is not YAML: ${fault.message}`)
    const value = document.toJS({ maxAliasCount: 100 }) as unknown
    const where = all.length > 1 ? `${file}#${n + 1}` : file
    return value === null || value === undefined ? [] : [{ value, where }]
  })
}
