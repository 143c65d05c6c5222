/**
 * What zod found, in words that name the field and the fix: a pointer to the field, what was expected,
 * and for an unknown field the names that are known there.
 */
import type { z } from 'zod'

export interface FieldError {
  readonly pointer: string
  readonly message: string
}

/** More would not be read; the first ones lead to the rest. */
const errorsMax = 32

type RawIssue = z.core.$ZodRawIssue

/** A message for what zod says too tersely; undefined keeps zod's own. For `safeParse(value, { error })`. */
export function issueMessage(issue: RawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    const known = knownFields(issue.inst)
    const names = (issue.keys as readonly string[]).map((key) => `"${key}"`).join(', ')
    const known_ = known.length > 0 ? `; known here: ${known.join(', ')}` : '; none is known here'
    return `unknown field ${names}${known_}`
  }
  if (issue.code === 'invalid_type' && issue.input === undefined) {
    return `is missing; expected ${String(issue.expected)}`
  }
  if (issue.code === 'too_big') return bound('at most', issue.maximum, issue.origin)
  if (issue.code === 'too_small') return bound('at least', issue.minimum, issue.origin)
  return undefined
}

/** "at most 100", "at least 1 item", "at most 63 characters". */
function bound(which: string, limit: unknown, origin: string): string {
  const unit =
    { string: ' character', array: ' item', set: ' item', record: ' entry' }[origin] ?? ''
  if (unit === '' || limit === 1) return `${which} ${limit}${unit}`
  return `${which} ${limit}${unit === ' entry' ? ' entries' : `${unit}s`}`
}

const knownFields = (schema: unknown): string[] => {
  const shape = (schema as { _zod?: { def?: { shape?: object } } })?._zod?.def?.shape
  return shape ? Object.keys(shape) : []
}

/** Issues of one schema as field errors; `toPointer` says how a path is written. */
export function fieldErrors(
  issues: readonly z.core.$ZodIssue[],
  toPointer: (path: readonly PropertyKey[]) => string,
): FieldError[] {
  const errors: FieldError[] = []
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        errors.push({ pointer: toPointer([...issue.path, key]), message: issue.message })
      }
    } else {
      errors.push({ pointer: toPointer(issue.path), message: issue.message })
    }
  }
  return errors.slice(0, errorsMax)
}

/** RFC 6901. */
export const bodyPointer = (path: readonly PropertyKey[]): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
export const queryPointer = (path: readonly PropertyKey[]): string => `?${path.join('.')}`
export const pathPointer = (path: readonly PropertyKey[]): string => `{${path.join('.')}}`
export const headerPointer = (path: readonly PropertyKey[]): string => path.join('.')
