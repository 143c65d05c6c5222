/**
 * What annotations on an Ingress ask for, with the meaning that HAProxy's ingress controller gives them
 * (its `documentation/annotations.md`, 3.2). What is not done is told, one sentence each: an annotation that
 * keeps people out leaves no route at all, because a door that was locked elsewhere must not stand open here.
 * Pure.
 */
import { type RouteFilters, requestHeaders, responseHeaders } from '#wire/filter.ts'
import {
  changeableHeaderName,
  changeableResponseHeaderName,
  headerValue,
  hostname,
} from '#wire/names.ts'
import { type BackendAsked, readBackendAnnotation } from './backend.ts'
import { type PathRewrite, readPathRewrite } from './path-rewrite.ts'
import type { NotDone } from './told.ts'

export interface Annotations {
  readonly pathRewrite: { readonly key: string; readonly rewrite: PathRewrite } | null
  /** Becomes the Host of every request. */
  readonly setHost: string | null
  readonly headers: Pick<RouteFilters, 'requestHeaders' | 'responseHeaders'>
  readonly backend: BackendAsked
  /** Nobody may be let in. */
  readonly isClosed: boolean
  readonly notDone: readonly NotDone[]
}

/** HAProxy's controller reads each of its annotations under these prefixes. */
const haproxyPrefixes = ['haproxy.org/', 'haproxy.com/', 'ingress.kubernetes.io/']
/** Other controllers', which an Ingress may have brought along when its class was changed. */
const foreignPrefixes = [
  'nginx.ingress.kubernetes.io/',
  'nginx.org/',
  'haproxy-ingress.github.io/',
  'traefik.ingress.kubernetes.io/',
]

/** Who may come in, in the words of any of these controllers. */
const keepsOut =
  /^((allow|deny)-list|(white|black)list|(white|allow|deny)list-source-range|auth-.+|basic-auth-.+|jwt-.+|client-ca|router\.middlewares)$/

export const isControllerAnnotation = (key: string): boolean =>
  [...haproxyPrefixes, ...foreignPrefixes].some((prefix) => key.startsWith(prefix))

export function readAnnotations(all: Readonly<Record<string, string>>): Annotations {
  const { found, closing, untold } = byName(all)
  const told: NotDone[] = [
    ...closing.map((key) => ({ of: '', key, why: '', isClosing: true as const })),
    ...untold,
  ]
  let pathRewrite: Annotations['pathRewrite'] = null
  let setHost: string | null = null
  const headers = { request: new Map<string, string>(), response: new Map<string, string>() }
  const backend: BackendAsked = { timeouts: {} }
  for (const [name, { key, value }] of found) {
    if (name === 'path-rewrite') {
      const rewrite = readPathRewrite(value)
      if (rewrite) pathRewrite = { key, rewrite }
      else told.push(notDone(key, 'this expression; requests keep their path'))
    } else if (name === 'set-host') {
      const host = hostname.safeParse(value)
      if (host.success && !value.startsWith('*')) setHost = value
      else told.push(notDone(key, `"${shown(value)}", which is no host name`))
    } else if (name === 'request-set-header' || name === 'response-set-header') {
      const side = name === 'request-set-header' ? 'request' : 'response'
      for (const line of value.split('\n').filter((one) => one.trim() !== '')) {
        const field = headerOf(line, headerNames[side])
        if (typeof field === 'string') told.push(notDone(key, field))
        else headers[side].set(field.name, field.value)
      }
    } else told.push(...readOther(name, key, value, backend))
  }
  for (const [side, schema] of [
    ['request', requestHeaders],
    ['response', responseHeaders],
  ] as const) {
    const fault = schema.safeParse(setting(headers[side])).error?.issues[0]?.message
    if (fault === undefined) continue
    headers[side].clear()
    told.push(notDone(found.get(`${side}-set-header`)!.key, `${fault}; none is set`))
  }
  return {
    pathRewrite,
    setHost,
    headers: {
      ...(headers.request.size > 0 && { requestHeaders: setting(headers.request) }),
      ...(headers.response.size > 0 && { responseHeaders: setting(headers.response) }),
    },
    backend,
    isClosed: closing.length > 0,
    notDone: told,
  }
}

/** The same of a Service, which can say less. */
export function readServiceAnnotations(
  all: Readonly<Record<string, string>>,
): Pick<Annotations, 'backend' | 'notDone'> {
  const { found, closing, untold } = byName(all)
  const told = closing.map((key) => notDone(key, 'on a Service it keeps nobody out'))
  const backend: BackendAsked = { timeouts: {} }
  for (const [name, { key, value }] of found) {
    if (ofIngress.test(name)) told.push(notDone(key, 'it is read on an Ingress alone'))
    else told.push(...readOther(name, key, value, backend))
  }
  return { backend, notDone: [...told, ...untold] }
}

const ofIngress = /^(path-rewrite|set-host|request-set-header|response-set-header)$/

/** By name, the first that has a value of several prefixes. */
function byName(all: Readonly<Record<string, string>>) {
  const found = new Map<string, { readonly key: string; readonly value: string }>()
  const closing: string[] = []
  const untold: NotDone[] = []
  for (const key of Object.keys(all).filter(isControllerAnnotation).sort()) {
    const name = key.slice(key.indexOf('/') + 1)
    const value = all[key]!.trim()
    const first = found.get(name)
    if (keepsOut.test(name) && value !== '') closing.push(key)
    else if (foreignPrefixes.some((prefix) => key.startsWith(prefix))) {
      untold.push(notDone(key, "it is another controller's"))
    } else if (value === '') untold.push(notDone(key, 'it has no value'))
    else if (first) untold.push(notDone(key, `${first.key} is there too and counts`))
    else found.set(name, { key, value })
  }
  return { found, closing, untold }
}

/** Takes over what is asked of the backend; returns what is not done, if anything. */
function readOther(name: string, key: string, value: string, backend: BackendAsked): NotDone[] {
  const fault = readBackendAnnotation(name, value, backend)
  if (fault !== undefined)
    return fault === null ? [] : [notDone(key, `"${shown(value)}", ${fault}`)]
  const more = Object.hasOwn(others, name) ? others[name]! : () => ''
  const reason = more(value.toLowerCase())
  return reason === null ? [] : [notDone(key, reason)]
}

const headerNames = { request: changeableHeaderName, response: changeableResponseHeaderName }

const setting = (headers: ReadonlyMap<string, string>) => ({
  set: [...headers].map(([name, value]) => ({ name, value })),
  add: [],
  remove: [],
})

const notDone = (key: string, why: string): NotDone => ({ of: '', key, why })

const isOff = (value: string): null | '' => (value === 'false' ? null : '')
const isOn = (value: string): null | '' => (value === 'true' ? null : '')

/** Annotations with values that ask for what is done anyway: null; else what is not, in words. */
const others: Readonly<Record<string, (value: string) => string | null>> = {
  'timeout-check': () => 'whether a pod is ready is said by its readiness probe',
  'timeout-client': () =>
    'a client is waited for before it is known which route its request has: 10 s for a head, at least 240 bytes a second of a body, 120 s while it takes nothing of a response, for every route',
  'timeout-http-request': () =>
    'a head has 10 s to come, for every route: which one it has is known only then',
  'timeout-http-keep-alive': () =>
    'between two requests a connection has no route; it is kept for 75 s',
  'timeout-queue': () => 'no request is queued: without an endpoint it is answered 503 at once',
  check: () => 'whether a pod is ready is said by its readiness probe',
  'check-http': () => 'whether a pod is ready is said by its readiness probe',
  'check-interval': () => 'whether a pod is ready is said by its readiness probe',
  'forwarded-for': isOn,
  'ssl-redirect': isOff,
  'ssl-passthrough': isOff,
  'server-ssl': isOff,
  'cors-enable': isOff,
}

/** `Name value`, the value perhaps in quotes; or what of it is not done. */
function headerOf(
  line: string,
  names: typeof changeableHeaderName,
): { readonly name: string; readonly value: string } | string {
  const [, given = '', rest = ''] = /^\s*(\S+)\s+(.*\S)\s*$/.exec(line) ?? []
  if (given === '') return `"${shown(line)}" is no name with a value behind it`
  const text = /^"([^"]*)"$/.exec(rest)?.[1] ?? rest
  if (/[%"\\]/.test(text))
    return `the value of ${shown(given)} is a format of HAProxy's, not a text`
  const name = names.safeParse(given)
  if (!name.success) return `${shown(given)}: ${name.error.issues[0]!.message}`
  const value = headerValue.safeParse(text)
  if (!value.success) return `the value of ${shown(given)}: ${value.error.issues[0]!.message}`
  return { name: name.data, value: value.data }
}

const shown = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text)
