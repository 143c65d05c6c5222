/** Header changes as the table keeps them: one list in the order in which they are written, lower-case names. */
import type { HeaderChanges } from '#wire/filter.ts'
import { CHANGE_ADD, CHANGE_REMOVE, CHANGE_SET } from './table-layout.ts'

export interface Change {
  readonly kind: number
  readonly name: string
  readonly value: string
}

export function changesOf(headers: HeaderChanges | undefined): Change[] {
  const changes: Change[] = []
  const write = (kind: number, name: string, value: string) =>
    changes.push({ kind, name: name.toLowerCase(), value })
  for (const { name, value } of headers?.set ?? []) write(CHANGE_SET, name, value)
  for (const { name, value } of headers?.add ?? []) write(CHANGE_ADD, name, value)
  for (const name of headers?.remove ?? []) write(CHANGE_REMOVE, name, '')
  return changes
}
