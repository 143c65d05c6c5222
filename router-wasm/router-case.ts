/** What a case of a routing rule is, and words to write cases with. */
import type { SnapshotObject } from '#wire/object.ts'
import type { PlainRequest } from './reference.ts'

export interface RouterCase {
  readonly name: string
  readonly objects: readonly SnapshotObject[]
  readonly request: Partial<PlainRequest>
  /** Name of the route of shop, or the status of the answer. */
  readonly gives: string | 404 | 503
  /** What the backend gets. */
  readonly target?: string
  readonly host?: string
  readonly release?: string
}

export const header = (name: string, value: string) => ({ name, value })
export const sends = (...values: string[]) => ({
  headers: values.map((value) => header('cookie', value)),
})
