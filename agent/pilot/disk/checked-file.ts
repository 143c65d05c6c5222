/**
 * JSON files that know whether they are whole: the first field is the SHA-256 of the rest. Each write
 * keeps the former file beside it; a reader gets the newest one that is whole, and is told when it is not
 * the newest.
 */
import { createHash } from 'node:crypto'
import { readIfThere, writeDurably, writeDurablyBehind } from '../../durable-file.ts'

export interface Checked<T> {
  readonly value: T
  /** The newest file was corrupt: this is the one before it. */
  readonly fellBack: boolean
}

const previousOf = (file: string) => file.replace(/(\.json)?$/, '.previous$1')
const sum = (text: string) => createHash('sha256').update(text).digest('hex')

export function writeChecked(file: string, value: object): void {
  writeDurably(file, checked(value), { previous: previousOf(file) })
}

/** Beside the event loop: see `writeDurablyBehind`. */
export const writeCheckedBehind = (file: string, value: object, isWanted: () => boolean) =>
  writeDurablyBehind(file, checked(value), { previous: previousOf(file) }, isWanted)

function checked(value: object): string {
  const text = JSON.stringify(value)
  const rest = text === '{}' ? '}' : `,${text.slice(1)}`
  return `{"sha256":"${sum(text)}"${rest}`
}

/** Null when there is none, or both generations are corrupt (`onCorrupt` hears which). */
export function readChecked<T extends object>(
  file: string,
  onCorrupt: (file: string) => void,
): Checked<T> | null {
  const newest = readIfThere(file)
  const value = newest && parse<T>(newest)
  if (value) return { value, fellBack: false }
  if (newest) onCorrupt(file)
  const former = readIfThere(previousOf(file))
  const formerValue = former && parse<T>(former)
  if (formerValue) return { value: formerValue, fellBack: newest !== null }
  if (former) onCorrupt(previousOf(file))
  return null
}

function parse<T extends object>(bytes: Buffer): T | null {
  try {
    const { sha256, ...value } = JSON.parse(bytes.toString()) as T & { sha256?: string }
    return sum(JSON.stringify(value)) === sha256 ? (value as unknown as T) : null
  } catch {
    return null
  }
}
