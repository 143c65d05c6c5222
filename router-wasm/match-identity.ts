/** When two matches say the same: then the older route answers, and the other one is never reached. */
import type { RouteMatch } from '#wire/app.ts'
import { cookiesOf, headersOf, nodePath } from './plan.ts'

/** The same text for matches that accept the same requests. */
export const matchIdentity = (match: RouteMatch): string =>
  JSON.stringify([
    match.path.type,
    nodePath(match),
    match.method ?? '',
    headersOf(match),
    ...(match.cookies ? [cookiesOf(match)] : []),
  ])
