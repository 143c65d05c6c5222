/**
 * The scalar words of Switchyard: what a name, a host, a path or a header value may look like.
 * Every value that can reach a proxy's output is checked here once, so that nothing behind this edge
 * can split a response or smuggle a request (RFC 9110 §5.5, RFC 9112 §11.1).
 */
import { z } from 'zod'
import { limits } from './limits.ts'

const dnsLabel = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

export const appName = z
  .string()
  .max(limits.appNameChars)
  .regex(dnsLabel, 'use lower-case letters, digits and inner hyphens, for example "shop"')

export const clusterName = z
  .string()
  .max(limits.dnsLabelChars)
  .regex(dnsLabel, 'use lower-case letters, digits and inner hyphens, for example "eu-1"')
  // Clusters are keys of plain objects, which have a property of this name.
  .refine((name) => name !== 'constructor', 'this word cannot name a cluster')

export const agentName = z
  .string()
  .max(limits.dnsLabelChars)
  .regex(dnsLabel, 'use lower-case letters, digits and inner hyphens, for example "eu-1-a"')

/** `us-1/switchyard-agent-0`: how sentences name an agent, because two clusters may have one of the same name. */
export const agentPlace = ({
  cluster,
  agent,
}: {
  readonly cluster: string
  readonly agent: string
}): string => `${cluster}/${agent}`

export const routeName = z
  .string()
  .max(limits.dnsLabelChars)
  .regex(dnsLabel, 'use lower-case letters, digits and inner hyphens, for example "default"')

/** A release: `<app>-r<n>`, numbered from 1 within its app. */
export const releaseId = z
  .string()
  .max(limits.dnsLabelChars)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?-r[1-9][0-9]*$/, 'a release id looks like "shop-r2"')

export const version = z
  .string()
  .max(limits.versionChars)
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/,
    'use letters, digits, dots, hyphens and underscores, for example "0.0.2"',
  )

/** Gateway API hostname: lower-case DNS name, or `*.` and one (RFC 1123; no port, no address). */
export const hostname = z
  .string()
  .max(limits.hostnameChars)
  .regex(
    /^(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'use a lower-case DNS name such as "shop.example", or a wildcard such as "*.example"',
  )

/** Path in a match or a rewrite: Gateway API's rules for values (no `//`, dot segments, `%2f`, `#`). */
export const pathValue = z
  .string()
  .max(limits.pathValueChars)
  .regex(/^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*$/, 'start with "/" and use URI path characters')
  .refine((path) => !/%(?![0-9A-Fa-f]{2})/.test(path), '"%" needs two hex digits')
  .refine((path) => !path.includes('//'), 'must not contain "//"')
  .refine((path) => !/\/\.\.?(\/|$)/.test(path), 'must not contain "." or ".." segments')
  .refine((path) => !/%2f|%5c|%00/i.test(path), 'must not contain %2f, %5c or %00')

/** RFC 9110 token, upper-case: methods are case-sensitive. */
export const method = z
  .string()
  .max(32)
  .regex(/^[A-Z][A-Z0-9-]*$/, 'use an upper-case method such as "GET"')

const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/

export const headerName = z
  .string()
  .min(1)
  .max(limits.headerNameChars)
  .regex(token, 'use an HTTP field name such as "x-team"')
  .transform((name) => name.toLowerCase())

/** Names that frame or route a message, or that only Switchyard may write. */
const reservedHeaders = new Set([
  'connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-connection', 'te', 'trailer',
  'transfer-encoding', 'upgrade', 'via', 'forwarded', 'x-forwarded-for', 'x-forwarded-proto',
  'x-forwarded-host', 'x-forwarded-port', 'x-real-ip', 'proxy-authorization', 'proxy-authenticate',
]) // biome-ignore format: a list

/** Those, and what of a response is the agent's own or proves a switched protocol. */
const reservedResponseHeaders = new Set([
  ...reservedHeaders, 'date', 'http2-settings', 'sec-websocket-accept', 'sec-websocket-extensions',
  'sec-websocket-protocol',
]) // biome-ignore format: a list

/** RFC 6265 §4.1.1: a token; names of cookies are case-sensitive. */
export const cookieName = z
  .string()
  .min(1)
  .max(limits.headerNameChars)
  .regex(token, 'use a cookie name such as "canary"')

/** RFC 6265 §4.1.1 cookie-octets, without quotes. */
export const cookieValue = z
  .string()
  .max(limits.headerValueChars)
  .regex(
    /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/,
    'use cookie characters: no spaces, quotes, commas, semicolons',
  )

/** A Kubernetes namespace: RFC 1123 label. */
export const namespace = z
  .string()
  .max(limits.dnsLabelChars)
  .regex(dnsLabel, 'use the name of a namespace, for example "shop"')

/** A Kubernetes object such as a Deployment: RFC 1123 subdomain. */
export const objectName = z
  .string()
  .max(limits.hostnameChars)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    'use the name of a Kubernetes object, for example "shop"',
  )

/** Name of a Service's port: RFC 6335 service name. */
export const portName = z
  .string()
  .max(limits.portNameChars)
  .regex(
    /^(?=.*[a-z])[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    'use the name of a port of the Service, for example "http"',
  )

/**
 * A Service of a cluster at one of its ports, as a destination of traffic: `<namespace>/<service>:<port>`,
 * the port by its name or number. No release id has a slash.
 */
export const serviceId = z
  .string()
  .max(limits.serviceIdChars)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?\/[a-z0-9]([a-z0-9-]*[a-z0-9])?:[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    'a Service at a port looks like "shop/web:http"',
  )

/** An Ingress object of a cluster, where others have the name of an app: `<namespace>/<name>`. */
export const ingressId = z
  .string()
  .max(limits.dnsLabelChars + 1 + limits.hostnameChars)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?\/[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    'an Ingress looks like "shop/web"',
  )

/** A container image as a pod names it; which registry it comes from is the cluster's affair. */
export const image = z
  .string()
  .max(limits.imageChars)
  .regex(
    /^[a-z0-9][A-Za-z0-9._:/@-]*$/,
    'use the name of an image, for example "registry.example/shop:0.0.2"',
  )

/** A label as Kubernetes has them, without its prefix rules. */
export const labelKey = z
  .string()
  .max(limits.dnsLabelChars)
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/,
    'use letters, digits, "-", "_", "." and "/"',
  )
export const labelValue = z
  .string()
  .max(limits.dnsLabelChars)
  .regex(/^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/, 'use letters, digits, "-", "_" and "."')

/** Why somebody did something, for the audit: one line of text. */
export const reason = z
  .string()
  .trim()
  .min(1, 'say why')
  .max(limits.reasonChars)
  .regex(/^[^\p{Cc}]+$/u, 'one line, without control characters')

/** A header that an operator may set, add or remove. */
export const changeableHeaderName = headerName.refine(
  (name) => !reservedHeaders.has(name),
  'this header frames or routes the message and cannot be changed by a route',
)

/** The same for responses. */
export const changeableResponseHeaderName = headerName.refine(
  (name) => !reservedResponseHeaders.has(name),
  'this header frames or routes the message, or is the agent’s own, and cannot be changed by a route',
)

export const headerValue = z
  .string()
  .max(limits.headerValueChars)
  .regex(
    /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$|^$/,
    'use visible ASCII: no CR, LF, NUL or outer spaces',
  )

export const idempotencyKey = z
  .string()
  .min(1)
  .max(limits.idempotencyKeyChars)
  .regex(/^[\x21-\x7e]+$/, 'use visible ASCII without spaces')

/** SHA-256 in lower-case hex. */
export const digestHex = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hex')

export const revision = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
export const generation = revision
