/**
 * What a route does with a request that it has taken: Gateway API's filters and timeouts, and which of the
 * ready endpoints gets it. What is left out is as it is for every route.
 */
import { z } from 'zod'
import { limits } from './limits.ts'
import * as names from './names.ts'

/** Gateway API HTTPURLRewriteFilter. */
export const rewrite = z
  .strictObject({
    path: z
      .strictObject({
        type: z.enum(['ReplaceFullPath', 'ReplacePrefixMatch']),
        value: z.union([names.pathValue, z.literal('')]),
      })
      .optional(),
    hostname: names.hostname.refine((host) => !host.startsWith('*'), 'not a wildcard').optional(),
  })
  .refine((value) => value.path || value.hostname, 'say path, hostname or both')

interface Changes {
  readonly set: readonly { readonly name: string; readonly value: string }[]
  readonly add: Changes['set']
  readonly remove: readonly string[]
}

/** Gateway API HTTPHeaderFilter, over names that may be changed. */
function changesOf(name: typeof names.headerName) {
  const field = z.strictObject({ name, value: names.headerValue })
  return z
    .strictObject({
      set: z.array(field).max(limits.headerChangesPerRoute).default([]),
      add: z.array(field).max(limits.headerChangesPerRoute).default([]),
      remove: z.array(name).max(limits.headerChangesPerRoute).default([]),
    })
    .refine((changes) => {
      const all = namesIn(changes)
      return new Set(all).size === all.length
    }, 'one action for each header name')
}

export const requestHeaders = changesOf(names.changeableHeaderName)

/** Bounded, so that a response of any size still fits with them. */
export const responseHeaders = changesOf(names.changeableResponseHeaderName).refine((changes) => {
  const texts = [...namesIn(changes), ...[...changes.set, ...changes.add].map(({ value }) => value)]
  return texts.join('').length <= limits.responseHeaderBytes
}, `at most ${limits.responseHeaderBytes} bytes of names and values together`)

const namesIn = ({ set, add, remove }: Changes): string[] => [
  ...[...set, ...add].map(({ name }) => name),
  ...remove,
]

const bound = z.int().min(1).max(limits.routeTimeoutMs)

/**
 * Gateway API HTTPRouteTimeouts (the first two), and what every route has anyway, for this one. A time that
 * passes before the response's head is answered 504; later the client's connection is reset.
 */
export const timeouts = z
  .strictObject({
    requestMs: bound
      .optional()
      .describe('From the head of a request to the last byte of its response.'),
    backendRequestMs: bound
      .optional()
      .describe('The same for one attempt at one endpoint, without connecting to it.'),
    connectMs: bound.optional().describe('Until an endpoint has accepted a connection.'),
    idleMs: bound
      .optional()
      .describe('Until an endpoint sends the head of its response, or goes on with the body.'),
    tunnelIdleMs: bound
      .optional()
      .describe('Without a byte either way, after the protocol was switched (WebSocket).'),
  })
  .refine((all) => Object.keys(all).length > 0, 'say one of the times')
  .refine(({ requestMs, backendRequestMs }) => (backendRequestMs ?? 0) <= (requestMs ?? Infinity), {
    path: ['backendRequestMs'],
    message: 'at most `requestMs`',
  })

/**
 * Which ready endpoint of the release gets a request; left out: the one with the fewest in progress, equal ones
 * in turn. By an address, a path or a header the same value leads to the same endpoint at every agent, and
 * most stay where they are when endpoints come and go.
 */
export const loadBalance = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('round-robin') }),
  z.strictObject({ type: z.literal('random') }),
  z.strictObject({ type: z.literal('client-address') }),
  z.strictObject({ type: z.literal('path') }),
  z.strictObject({ type: z.literal('header'), header: names.headerName }),
])

/** The fields of a route; all but the first two are content format 2. */
export const routeFilters = {
  rewrite: rewrite.optional(),
  requestHeaders: requestHeaders.optional(),
  responseHeaders: responseHeaders
    .optional()
    .describe('Of the responses of backends, not of the answers that agents give themselves.'),
  timeouts: timeouts.optional(),
  loadBalance: loadBalance.optional(),
}

export type Rewrite = z.infer<typeof rewrite>
export type HeaderChanges = z.infer<typeof requestHeaders>
export type Timeouts = z.infer<typeof timeouts>
export type LoadBalance = z.infer<typeof loadBalance>
export interface RouteFilters {
  readonly rewrite?: Rewrite | undefined
  readonly requestHeaders?: HeaderChanges | undefined
  readonly responseHeaders?: HeaderChanges | undefined
  readonly timeouts?: Timeouts | undefined
  readonly loadBalance?: LoadBalance | undefined
}

/** Those that a route has, to be taken over into another object. */
export function filtersIn(route: RouteFilters) {
  const { rewrite: to, requestHeaders: asked, responseHeaders: answered } = route
  const { timeouts: times, loadBalance: balance } = route
  return {
    ...(to && { rewrite: to }),
    ...(asked && { requestHeaders: asked }),
    ...(answered && { responseHeaders: answered }),
    ...(times && { timeouts: times }),
    ...(balance && { loadBalance: balance }),
  }
}
