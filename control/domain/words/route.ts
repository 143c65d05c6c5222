/** What a change of a route means to the requests that reach it, in sentences. */
import {
  balanceWords,
  filterWords,
  headerWords,
  responseWords,
  rewriteWords,
  timeoutWords,
} from '#router/filter-words.ts'
import type { RouteMatch } from '#wire/app.ts'
import { canonicalText } from '#wire/digest.ts'
import type { RouteObject } from '#wire/object.ts'
import { inWords } from './list.ts'

export function routeWords(before: RouteObject | null, after: RouteObject | null): string[] {
  if (!after) return before ? [`${nameOf(before)} is gone: ${reachOf(before)}.`] : []
  if (!before) {
    return [`${nameOf(after)} is new: ${[reachOf(after), ...filterWords(after)].join('; ')}.`]
  }
  const parts = [
    ...listChange('hosts', before.hosts, after.hosts),
    ...listChange('matches', before.matches.map(matchWords), after.matches.map(matchWords)),
    ...replaced('rewrite', rewriteWords(before.rewrite), rewriteWords(after.rewrite)),
    ...replaced(
      'header changes',
      headerWords(before.requestHeaders),
      headerWords(after.requestHeaders),
    ),
    ...replaced(
      'changes of response headers',
      responseWords(before.responseHeaders),
      responseWords(after.responseHeaders),
    ),
    ...replaced('timeouts', timeoutWords(before.timeouts), timeoutWords(after.timeouts)),
    ...replaced(
      'load balancing of its own',
      balanceWords(before.loadBalance),
      balanceWords(after.loadBalance),
    ),
    ...(before.service === after.service
      ? []
      : [`it leads to ${after.service} (before: ${before.service})`]),
    ...(before.since === after.since ? [] : ['it counts as newer where matches tie']),
  ]
  return parts.length === 0 ? [] : [`${nameOf(after)} changes: ${parts.join('; ')}.`]
}

/** `route/shop/default`, `ingress/shop/web/shop.example/cart`, `preview/shop/shop-r2` and `preview/shop/shop-r2/header-0/default`. */
function nameOf({ key, app: owner, release, service }: RouteObject): string {
  if (service) return `The route of Ingress ${owner} to Service ${service}`
  const [, app, name, way, twin] = key.split('/')
  if (!release) return `Route ${name} of ${app}`
  if (!twin) return `The preview of ${release}`
  return `The way to ${release} by ${way?.replace(/-\d+$/, '')}, like route ${twin} of ${app},`
}

const reachOf = (route: RouteObject): string =>
  `${inWords(route.matches.map(matchWords))} on ${inWords(route.hosts)}`

/** `GET /cart/*`, `= /health`, `/* with header x-team: blue`. */
export function matchWords(match: RouteMatch): string {
  const { type, value } = match.path
  const path = type === 'Exact' ? `exactly ${value}` : `${value.replace(/\/$/, '')}/*`
  const conditions = [
    ...match.headers.map(({ name, value: wanted }) => `header ${name}: ${wanted}`),
    ...(match.cookies ?? []).map(({ name, value: wanted }) => `cookie ${name}=${wanted}`),
  ]
  const method = match.method ? `${match.method} ` : ''
  return `${method}${path}${conditions.length > 0 ? ` with ${conditions.join(' and ')}` : ''}`
}

function listChange(what: string, before: readonly string[], after: readonly string[]): string[] {
  const gained = after.filter((one) => !before.includes(one))
  const lost = before.filter((one) => !after.includes(one))
  if (gained.length > 0 || lost.length > 0) {
    return [
      ...(gained.length > 0 ? [`${what} gain ${inWords(gained)}`] : []),
      ...(lost.length > 0 ? [`${what} lose ${inWords(lost)}`] : []),
    ]
  }
  return canonicalText(before) === canonicalText(after) ? [] : [`${what} are in another order`]
}

function replaced(what: string, before: readonly string[], after: readonly string[]): string[] {
  if (canonicalText(before) === canonicalText(after)) return []
  return after.length > 0 ? [inWords(after)] : [`no ${what} any more`]
}
