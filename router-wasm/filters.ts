/**
 * A route's rewrite and header changes as the table keeps them: one list of changes in the order in which
 * they are written, canonical paths, lower-case names.
 */
import type { RouteObject } from '#wire/object.ts'
import { canonicalPath } from './canonical.ts'
import {
  CHANGE_ADD,
  CHANGE_REMOVE,
  CHANGE_SET,
  PATH_KEPT,
  PATH_REPLACED,
  PREFIX_REPLACED,
} from './table-layout.ts'

export interface Filters {
  readonly pathKind: number
  readonly path: string
  /** Empty: the host stays. */
  readonly host: string
  readonly changes: readonly Change[]
}
export interface Change {
  readonly kind: number
  readonly name: string
  readonly value: string
}

/** Null when the route changes nothing; `path` when the path of its rewrite is not allowed. */
export function filtersOf(route: RouteObject): Filters | null | 'path' {
  const { rewrite, requestHeaders } = route
  if (!rewrite && !requestHeaders) return null
  const path = rewrittenPath(rewrite?.path)
  if (path === null) return 'path'
  const changes: Change[] = []
  const write = (kind: number, name: string, value: string) =>
    changes.push({ kind, name: name.toLowerCase(), value })
  for (const { name, value } of requestHeaders?.set ?? []) write(CHANGE_SET, name, value)
  for (const { name, value } of requestHeaders?.add ?? []) write(CHANGE_ADD, name, value)
  for (const name of requestHeaders?.remove ?? []) write(CHANGE_REMOVE, name, '')
  return { ...path, host: rewrite?.hostname ?? '', changes }
}

type RewritePath = NonNullable<RouteObject['rewrite']>['path']

function rewrittenPath(path: RewritePath): Pick<Filters, 'pathKind' | 'path'> | null {
  if (!path) return { pathKind: PATH_KEPT, path: '' }
  const full = path.type === 'ReplaceFullPath'
  // A path has at least its slash; only a prefix can be replaced by nothing.
  const value = full && path.value === '' ? '/' : path.value
  const canonical = value === '' ? '' : canonicalPath(value)
  if (canonical === null || hasDotSegment(value)) return null
  return { pathKind: full ? PATH_REPLACED : PREFIX_REPLACED, path: canonical }
}

/** `.` or `..`, escaped or not: nothing that an operator can have meant. */
export const hasDotSegment = (path: string): boolean =>
  path
    .replace(/%2e/gi, '.')
    .split('/')
    .some((segment) => segment === '.' || segment === '..')
