/**
 * A route's rewrite and header changes as the table keeps them: one list of changes in the order in which
 * they are written, canonical paths, lower-case names. What lasts beyond the request's head is its policy.
 */
import type { Rewrite } from '#wire/filter.ts'
import type { RouteObject } from '#wire/object.ts'
import { canonicalPath } from './canonical.ts'
import { type Change, changesOf } from './changes.ts'
import { type Policy, policyOf } from './policy.ts'
import { PATH_KEPT, PATH_REPLACED, PREFIX_REPLACED } from './table-layout.ts'

export interface Filters {
  readonly pathKind: number
  readonly path: string
  /** Empty: the host stays. */
  readonly host: string
  readonly changes: readonly Change[]
  readonly policy: Policy | null
}
/** Null when the route changes nothing; `path` when the path of its rewrite is not allowed. */
export function filtersOf(route: RouteObject): Filters | null | 'path' {
  const { rewrite, requestHeaders } = route
  const policy = policyOf(route)
  if (!rewrite && !requestHeaders && !policy) return null
  const path = rewrittenPath(rewrite?.path)
  if (path === null) return 'path'
  return { ...path, host: rewrite?.hostname ?? '', changes: changesOf(requestHeaders), policy }
}

function rewrittenPath(path: Rewrite['path']): Pick<Filters, 'pathKind' | 'path'> | null {
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
