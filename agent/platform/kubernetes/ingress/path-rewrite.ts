/**
 * HAProxy's `path-rewrite` where a route can do exactly the same. With one word every path becomes that word,
 * whole; with two the first is a regular expression, and a path in which it is found becomes the second. Of
 * expressions two are known, the ones that put a prefix in front and that take one away. Pure.
 */

import type { IngressRoute } from '#wire/ingress.ts'
import { pathValue } from '#wire/names.ts'

export type PathRewrite =
  | { readonly kind: 'whole'; readonly path: string }
  | { readonly kind: 'before'; readonly prefix: string }
  /** Below `from`, and not at `from` itself, `from` becomes `to`; both without a slash behind. */
  | { readonly kind: 'instead'; readonly from: string; readonly to: string }

type Rewrite = IngressRoute['rewrite']
type Path = IngressRoute['path']

/** Null: it asks for something else. */
export function readPathRewrite(value: string): PathRewrite | null {
  if (value.includes('\n')) return null
  const [first = '', second, ...more] = value.split(/\s+/)
  if (more.length > 0) return null
  if (second === undefined) return isPlain(first) ? { kind: 'whole', path: first } : null
  const [, target] = /^(.*)\\1$/.exec(second) ?? []
  if (target === undefined) return null
  if (/^\^?\(\.\*\)\$?$/.test(first)) {
    return isPlain(target) && !target.endsWith('/') ? { kind: 'before', prefix: target } : null
  }
  const [, from] = /^\^?(\/[A-Za-z0-9_~/-]*[A-Za-z0-9_~-])\/\(\.\*\)\$?$/.exec(first) ?? []
  if (from === undefined || !isPlain(from) || !isPlain(target) || !target.endsWith('/')) return null
  return { kind: 'instead', from, to: target.slice(0, -1) }
}

/** What has a meaning of its own in a format or an expression of HAProxy's is left alone. */
const isPlain = (path: string): boolean =>
  /^[A-Za-z0-9\-_~/.]*$/.test(path) && pathValue.safeParse(path).success

/**
 * The routes for one path of an Ingress: itself with its rewrite and, where the rewrite leaves one path as it
 * is, that path alone. Null: no route does what was asked there.
 */
export function rewrittenPaths(
  path: Path,
  rewrite: PathRewrite,
): readonly { readonly path: Path; readonly rewrite?: NonNullable<Rewrite>['path'] }[] | null {
  const isExact = path.type === 'Exact'
  const replaced = (value: string) =>
    isExact
      ? ({ type: 'ReplaceFullPath', value } as const)
      : ({ type: 'ReplacePrefixMatch', value: value.replace(/\/$/, '') } as const)
  if (rewrite.kind === 'whole') {
    return [{ path, rewrite: { type: 'ReplaceFullPath', value: rewrite.path } }]
  }
  if (rewrite.kind === 'before') {
    return [{ path, rewrite: replaced(`${rewrite.prefix}${path.value}`) }]
  }
  const { from, to } = rewrite
  if (path.value === from || (path.value === `${from}/` && !isExact)) {
    if (isExact) return [{ path }]
    return [{ path, rewrite: replaced(`${to}/`) }, { path: { type: 'Exact', value: from } }]
  }
  if (!path.value.startsWith(`${from}/`)) return null
  return [{ path, rewrite: replaced(`${to}${path.value.slice(from.length)}`) }]
}
